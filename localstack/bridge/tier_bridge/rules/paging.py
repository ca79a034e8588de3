"""Lists in pages, which moto has not for these services."""

from ..settings import PAGE

# api -> names of page size, of the token asked with, and of the token answered with
PAGED = {"ec2": ("MaxResults", "NextToken", "NextToken"), "elbv2": ("PageSize", "Marker", "NextMarker")}


def paged(call, act):
    size_key, ask_key, answer_key = PAGED[call.api]
    named = any(k.endswith(("Ids", "Arns", "Names")) for k in call.request)
    size, start = call.get(size_key) or (0 if named else PAGE), int(call.get(ask_key) or 0)
    call.change({k: v for k, v in call.request.items() if k not in (size_key, ask_key)})
    answer = act()
    lists = [k for k, v in answer.items() if isinstance(v, list)]
    if size and len(lists) == 1 and len(answer[lists[0]]) > start + size:
        answer[answer_key] = str(start + size)
    else:
        answer.pop(answer_key, None)
    if len(lists) == 1:
        answer[lists[0]] = answer[lists[0]][start : start + size] if size else answer[lists[0]][start:]
    return answer
