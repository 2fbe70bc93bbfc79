"""The fixed prompts: reading them, asking them, judging the answers. Standard library only."""

import re


def read_prompts(path):
    """[(section, [(question, wanted, unwanted)])]"""
    conversations, section, fresh = [], None, True
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if not line:
            fresh = True
        elif line.startswith("["):
            section, fresh = line[1:-1], True
        elif line.startswith("> "):
            if fresh:
                conversations.append((section, []))
            conversations[-1][1].append([line[2:], ".", None])
            fresh = False
        elif line.startswith("< "):
            conversations[-1][1][-1][1] = line[2:]
        elif line.startswith("! "):
            conversations[-1][1][-1][2] = line[2:]
        else:
            raise ValueError(f"{path}: {line}")
    return conversations


def ask_all(answer, conversations):
    """Every turn with its answer and whether it is what was expected. `answer`: messages -> text."""
    results = []
    for section, turns in conversations:
        messages = []
        for question, wanted, unwanted in turns:
            messages.append({"role": "user", "content": question})
            text = answer(messages)
            messages.append({"role": "assistant", "content": text})
            good = bool(re.search(wanted, text, re.I | re.S)) and not (unwanted and re.search(unwanted, text, re.I | re.S))
            results.append({"section": section, "turn": len(messages) // 2, "question": question, "answer": text, "expected": wanted, "good": good})
    return results
