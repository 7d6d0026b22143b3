"""Special tokens of models, such as `<image>` or `</s>`, found in a text that is meant as plain words."""

import re

SPECIAL_TOKEN = re.compile(
    r"<\|[^<>|\s]{1,40}\|>|<｜[^<>｜\n]{1,40}｜>"  # <|im_end|>, and the wide bars of DeepSeek
    r"|<</?SYS>>|\[/?(?:INST|IMG|IMG_BREAK|IMG_END|CLS|SEP|MASK|PAD|UNK|BOS|EOS)\]"
    r"|</?(?:image|img|images|video|audio|s|pad|unk|bos|eos|eot|eop|eod|sep|cls|mask|ref|box|quad|point|patch|vision"
    r"|img\d+|image\d+|unused\d+|loc\d+|seg\d+|global-img|endoftext|placeholder)>"
    r"|</?[a-z]+(?:_[a-z0-9]+)+>",  # <image_soft_token>, <start_of_turn>, <IMG_CONTEXT>, <row_1_col_1>
    re.IGNORECASE,
)


def find_special_token(text: str) -> str | None:
    """Return the first special token of some model's vocabulary in a text: only some models read it as a command.

    >>> find_special_token("Is <image> red?"), find_special_token("Which text is in the <div>, 3 < 4?")
    ('<image>', None)
    """
    token = SPECIAL_TOKEN.search(text)
    return token[0] if token else None
