"""CJK radicals as the ordinary ideographs they are drawn like.

PDF writers often map a glyph back to the radical block (⽀ for 支, ⻓ for 长), and nothing that people
type then matches. NFKC covers the Kangxi radicals, but almost none of the radicals supplement, and it
maps two Kangxi radicals to forms that no mainland text uses.

Source: ``EquivalentUnifiedIdeograph.txt`` of the Unicode Character Database; where its target is a
component outside the basic plane (for example U+27FB7 for ⻊), the full character of the same radical is
used (足).
"""

import unicodedata

# Pairs: radical, ordinary ideograph.
_SUPPLEMENT = (
    "⺁厂⺂乛⺃乚⺄乙⺅亻⺆冂⺇几⺈刀⺉刂⺊卜⺋㔾⺌小⺍小⺎兀⺏尣⺐尢⺑尢⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌"
    "⺙攵⺛旡⺜日⺝月⺞歺⺟母⺠民⺡氵⺢氺⺣灬⺤爫⺥爫⺦丬⺧牛⺨犭⺩王⺪疋⺫目⺬示⺭礻⺮竹⺯糹⺰纟⺱罓"
    "⺲罒⺳㓁⺴冗⺵网⺶羊⺷羊⺸羊⺹耂⺺肀⺻聿⺼肉⺽臼⺾艹⺿艹⻀艹⻁虎⻂衤⻃覀⻄西⻅见⻆角⻇角⻈讠⻉贝"
    "⻊足⻋车⻌辶⻍辶⻎辶⻏邑⻐钅⻑長⻒镸⻓长⻔门⻕阝⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻞食⻟飠⻠饣⻡首"
    "⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
)
# Where NFKC's target (戶, 靑) is not the glyph that Chinese fonts share with the radical.
_PREFERRED = {"⼾": "户", "⾭": "青"}


def _table() -> dict[int, str]:
    table = {
        code: unicodedata.normalize("NFKC", chr(code))
        for first, last in ((0x2F00, 0x2FD5), (0xF900, 0xFAFF))
        for code in range(first, last + 1)
    }
    pairs = zip(_SUPPLEMENT[::2], _SUPPLEMENT[1::2], strict=True)
    table |= {ord(radical): ideograph for radical, ideograph in pairs}
    table |= {ord(radical): ideograph for radical, ideograph in _PREFERRED.items()}
    return {code: target for code, target in table.items() if target != chr(code)}


IDEOGRAPHS: dict[int, str] = _table()
"""For ``str.translate``: Kangxi radicals, radicals supplement and CJK compatibility ideographs."""
