"""Instructions to begin with, for houses of four kinds: what each should see first."""

from dataclasses import dataclass
from typing import Literal

from retrieval.types import Language

PresetName = Literal["legal", "it_support", "sales", "cross_border"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A rerank instruction in both languages, under a name and a title.

    They name only what is wanted: the lexical reranker counts every thing an instruction names as a wish.
    Qwen's advice is to instruct in English whatever the language of the texts (model card of
    Qwen3-Reranker-0.6B); the lexical reranker matches words and wants the language of the passages.
    """

    name: PresetName
    title_zh: str
    title_en: str
    zh: str
    en: str

    def instruction(self, language: Language) -> str:
        """The wording in that language."""
        return self.zh if language == "zh" else self.en

    def title(self, language: Language) -> str:
        """What the preset is called in that language."""
        return self.title_zh if language == "zh" else self.title_en


PRESETS: tuple[Preset, ...] = (
    Preset(
        "legal",
        "法律",
        "Legal",
        "优先选择可直接引用的法律条文、司法解释和裁判案例，其次是权威释义",
        "Prefer passages that can be cited directly: statutes, judicial interpretations and court rulings, "
        "then authoritative commentary",
    ),
    Preset(
        "it_support",
        "IT 支持",
        "IT support",
        "优先选择含准确错误码、复现步骤和经过验证的解决方案的内容",
        "Prefer passages with the exact error code, steps to reproduce and a verified fix",
    ),
    Preset(
        "sales",
        "销售问答",
        "Sales",
        "优先选择含具体配置步骤、协议支持说明和客户可直接使用的FAQ解答的内容",
        "Prefer passages with concrete configuration steps, statements of which protocols are supported and "
        "FAQ answers a customer can use directly",
    ),
    Preset(
        "cross_border",
        "跨境电商",
        "Cross-border commerce",
        "问题与文档的语言可以不同：优先选择含对应型号的规格参数表、兼容性说明和FAQ的内容，中文问题也要匹配英文资料",
        "Query and document may be in different languages: prefer specification tables, compatibility notes "
        "and FAQ entries of the product asked about, also where a Chinese question meets an English document",
    ),
)


def preset(name: str) -> Preset:
    """The preset of that name. Raises ``KeyError``."""
    by_name: dict[str, Preset] = {each.name: each for each in PRESETS}
    return by_name[name]
