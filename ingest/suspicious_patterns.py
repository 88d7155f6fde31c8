"""Wordings that speak to a language model, in English and Chinese, by what they try.

Every repetition is bounded, so that a long line costs no more than linear time.
"""

import re
from typing import Literal, get_args

Reason = Literal[
    "control_token",  # spells a token of a chat format, such as <|im_start|>
    "fake_turn",  # begins a line as another speaker of a conversation would
    "closing_tag",  # closes a section of a prompt that it did not open
    "override",  # asks to ignore instructions, or not to answer
    "prompt_leak",  # asks for the system prompt
    "persona",  # says who the model is from now on
    "dictated",  # says what answers must be like or must hold
    "addressed",  # speaks to an AI by name
    "exfiltration",  # a remote picture or link with room for data in its address
    "tool_call",  # spells a call of a tool
    "encoded",  # asks to decode something, or holds encoded text
]
REASONS: tuple[Reason, ...] = get_args(Reason)

_NAMED = r"(?:AI|LLM|language model|assistant|chat ?bot|GPT|Claude|Gemini|Qwen)"
_NAMED_ZH = r"(?:AI|人工智能|大模型|语言模型|智能助手|聊天机器人|机器人助手)"
_REPLY = r"(?:answers?|repl(?:y|ies))"
_YOURS = rf"(?:your (?:final )?(?:{_REPLY}|responses?)|(?:every|each|all) {_REPLY})"
_REPLY_ZH = r"(?:答案|回答|回复|答复)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|other|system|all)"
_EARLIER_ZH = (
    r"(?:之前|以上|上述|先前|此前|前面|所有|全部|一切|其他|其它|你收到|系统|原有|原来)"
)
_RULES_ZH = r"(?:指令|指示|提示词|提示|规则|设定|要求|约束|限制)"
_MUST_ZH = r"(?:请|必须|务必|应当|应该|需要|一律|只能|只需|只|仅|直接|统一)"
_SAYS_ZH = r"[^。！？\n]{0,6}[：:“\"「『]"
_DO = (
    r"(?:add|append|apply|augment|begin|cite|encode|encrypt|end|enhance|express|finish|format|give|group|include"
    r"|insert|integrate|introduce|invert|make|mention|misspell|modify|name|prefix|print|provide|put|quote"
    r"|rearrange|remove|render|replace|reverse|say|shift|start|state|substitute|translate|use|write)"
)
_DATA = (
    r"(?:question|query|answer|chat|conversation|history|context|data|secret|token|prompt|email|user"
    r"|用户|问题|对话|答案)"
)

_PATTERNS: dict[Reason, tuple[str, ...]] = {
    "control_token": (
        r"<\|[A-Za-z_][\w ]{0,40}\|>",
        r"<｜[^｜\n]{2,40}｜>",
        r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
    ),
    "fake_turn": (
        r"^[ \t#>*]{0,8}(?:system|assistant|developer)(?: prompt| message)?[*_]{0,2}[:：]"
        r"[ \t]{0,4}(?:\S{1,80}(?:[ \t]{1,4}\S{1,80}){2}|[\u4e00-\u9fff，。“”]{6})",
        r"^[ \t]{0,8}[【\[](?:系统(?:提示词|指令|消息)|system(?: prompt| message)?)[】\]]",
    ),
    "override": (
        rf"\b(?:ignore|disregard|forget|bypass)\b[^.\n]{{0,30}}\b{_EARLIER}\b[^.\n]{{0,24}}"
        r"\b(?:instructions?|prompts?|rules|directions|guidelines)\b",
        r"\b(?:do not|don't|never) answer (?:the|this|any|their|users?)\b",
        r"(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|不再遵守|抛弃|推翻)"
        rf"[^。！？\n]{{0,12}}{_EARLIER_ZH}[^。！？\n]{{0,12}}{_RULES_ZH}",
        r"(?:不要|不得|禁止|拒绝)再?回答(?:用户|该|这个|任何|其他|他们)[^。！？\n]{0,6}问题",
    ),
    "prompt_leak": (
        r"\b(?:reveal|repeat|print|output|show|disclose|leak|recite)\b[^.\n]{0,40}\b"
        r"(?:(?:system|initial|hidden) prompt|developer (?:message|instructions)"
        r"|your (?:instructions|prompt))",
        r"(?:复述|重复|输出|泄露|透露|公开|打印|显示|告诉)[^。！？\n]{0,16}"
        r"(?:系统提示词|[你您]的提示词|开发者指令|系统指令|初始指令)",
    ),
    "persona": (
        r"\bfrom now on,? you\b",
        rf"\b(?:pretend|act as) (?:if |though )?(?:you are|to be|an?)[^.\n]{{0,20}}\b{_NAMED}\b",
        r"\byou are now (?:DAN|jailbroken|unrestricted|in developer mode)\b",
        r"从现在(?:起|开始)[，, ]{0,2}[你您](?:是|将|要|必须|就是|扮演)",
        r"假装[你您]是|[你您]现在是[^。\n]{0,12}(?:助手|模型|机器人|AI)",
    ),
    "dictated": (
        r"\b(?:reply|respond|answer|output) (?:only|just|exactly|solely) (?:with|using|the|by|in)\b",
        rf"\b{_DO}\b[^\n]{{0,100}}?\b{_YOURS}\b",
        rf"^[ \t>*-]{{0,8}}in {_YOURS}, (?:please )?[a-z]{{3,}}\b",
        rf"{_MUST_ZH}(?:回答|答复|输出)(?![了过道]){_SAYS_ZH}",
        rf"只回复{_SAYS_ZH}",
        rf"{_MUST_ZH}?在(?:[你您]的|每次|每个|所有)?{_REPLY_ZH}(?:中|里|的?末尾|的?开头|的?结尾)"
        r"[^。！？\n]{0,12}(?:注明|声明|写|附|加|包含|提到|插入|给出)",
        rf"{_REPLY_ZH}的?(?:末尾|结尾|开头|最后|第一句)[^。！？\n]{{0,6}}(?:必须|务必|请|应|要)",
        rf"每次{_REPLY_ZH}[^。！？\n]{{0,16}}(?:必须|务必|都要|都应)",
        r"回答(?:问题|用户)?(?:之前|前)[，, ]{0,2}(?:请|先|必须|务必)",
        r"(?:告诉|告知)用户[^。！？\n]{0,10}(?:答案|结论)",
        r"引用(?:本文|此文|本页)[^。！？\n]{0,8}(?:必须|务必)",
    ),
    "addressed": (
        r"\b(?:note|attention|message|instructions?|important|reminder)\s{0,2}(?:to|for|:)\s{0,2}"
        rf"(?:the |any |all )?{_NAMED}s?\b",
        rf"\bdear {_NAMED}\b|\bif you are (?:an? )?{_NAMED}\b",
        rf"\b{_NAMED}s? (?:that |who )?(?:reads?|reading|processing|summari[sz]ing|quoting) this\b",
        rf"{_NAMED_ZH}\s?(?:助手|模型|系统)?\s?(?:请注意|请务必|注意[：:]|在(?:引用|回答|总结|阅读|处理))",
        rf"{_NAMED_ZH}\s?(?:助手|模型|系统)?\s?必须(?:在|先|声明|回答|输出|告诉|告知)",
        rf"(?:致|提醒|告知){_NAMED_ZH}",
    ),
    "exfiltration": (
        r"!\[[^\]\n]{0,200}\]\(\s{0,4}<?https?://[^)\s]{1,500}\?[^)\s]{1,500}",
        r"<img\b[^>\n]{0,200}\bsrc\s?=\s?[\"']?https?://[^\"'>\s]{1,500}\?[^\"'>\s]{1,500}",
        rf"https?://[^\s)>\"']{{1,300}}[?&=/](?:\{{\{{?|\$\{{|%7B|\[){_DATA}",
    ),
    "tool_call": (
        r"</?(?:tool_call|tool_use|function_calls?|antml:\w{1,30})\b[^>\n]{0,80}>",
        r"\{\s{0,8}\"(?:name|tool|function)\"\s{0,4}:\s{0,4}\"[\w.-]{1,80}\"\s{0,4},"
        r"\s{0,8}\"(?:arguments|parameters|args)\"\s{0,4}:",
    ),
    "encoded": (
        r"\bdecode (?:the following|this|the) [^.\n]{0,20}\b(?:base64|hex|rot13)\b",
        r"(?:解码|解密)[^。\n]{0,12}(?:base64|内容)[^。\n]{0,16}(?:执行|遵循|照做|按照)",
    ),
}

PATTERNS: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.I | re.M)) for reason, several in _PATTERNS.items() for pattern in several
)
