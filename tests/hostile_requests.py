"""Requests that a studio must refuse, with a run or without."""

from raw_requests import request


def hostile(host, token, tile):
    """Requests that must be refused, each with what may answer it."""
    port = host.partition(":")[2]
    do, sound, kind = f"/{token}/do", f"/{token}/sounds?ids={tile}", "Content-Type: application/json"
    roll, file = b'{"do":"roll"}', f"/{token}/files/{tile}"

    def post(body, *headers, path=do):
        return request("POST", path, host, kind, *headers, body=body)

    ranges = b'{"do":"turn","sound":{"gap":[0,99]}}'
    return {
        "a wrong host": (request("GET", sound, "example.org"), {403}),
        "our address under another name": (request("GET", f"/{token}/", f"rebound.example.org:{port}"), {403}),
        "our host without its port": (request("GET", sound, "127.0.0.1"), {403}),
        "another port": (request("GET", sound, "127.0.0.1:1"), {403}),
        "no host": (f"GET {sound} HTTP/1.0\r\n\r\n".encode(), {403}),
        "no token": (request("GET", "/", host), {404}),
        "no token, an action": (post(roll, path="/do"), {404}),
        "another token": (post(roll, path=f"/{'A' * len(token)}/do"), {404}),
        "part of the token": (request("GET", f"/{token[:-1]}/view", host), {404}),
        "the token as a query": (request("GET", f"/?token={token}", host), {404}),
        "a path upwards": (request("GET", f"/{token}/../../../../etc/passwd", host), {404}),
        "an encoded path upwards": (request("GET", f"/{token}/files/%2e%2e%2f%2e%2e%2fs.toml", host), {404}),
        "an absolute path": (request("GET", f"/{token}//etc/passwd", host), {404}),
        "the history's file": (request("GET", f"/{token}/.studio/history.sqlite", host), {404}),
        "a file that is not there": (request("GET", f"/{token}/files/{10**30}", host), {404}),
        "a file of no sound": (request("GET", f"/{token}/files/{10**9}", host), {404}),
        "a negative file": (request("GET", f"/{token}/files/-1", host), {404}),
        "a family of no sound": (request("GET", f"/{token}/lineage/{10**9}", host), {404}),
        "a zero byte": (request("GET", f"{file}%00.wav", host), {404}),
        "sounds that are no numbers": (request("GET", f"/{token}/sounds?ids=1;drop%20table%20tiles", host), {400}),
        "too many sounds": (request("GET", f"/{token}/sounds?ids={'1,' * 500}", host), {400}),
        "an endless number": (request("GET", f"/{token}/sounds?ids={'9' * 500}", host), {400}),
        "a number in other digits": (request("GET", f"/{token}/sounds?ids=%D9%A1", host), {400}),
        "the ledger": (request("GET", f"/{token}/ledger.sqlite", host), {404}),
        "similar ones of no sound": (request("GET", f"/{token}/similar/{10**30}", host), {404}),
        "similar ones by a path": (request("GET", f"/{token}/similar/..%2fledger.sqlite", host), {404}),
        "a run that is changed": (request("PUT", f"/{token}/run", host, kind, body=b"null"), {405}),
        "a range behind the end": (request("GET", file, host, f"Range: bytes={10**15}-"), {416}),
        "many ranges": (request("GET", file, host, "Range: bytes=" + ",".join(["0-"] * 2000)), {416}),
        "a range that is none": (request("GET", file, host, "Range: bytes=9-3"), {416}),
        "an address that is no text": (request("GET", "/%ff%fe%ed%a0%80/sounds?ids=1", host), {404}),
        "the token in capitals": (request("GET", f"/{token.swapcase()}/", host), {404}),
        "an absolute address elsewhere": (request("GET", f"http://example.org{sound}", "example.org"), {403}),
        "a delete": (request("DELETE", file, host), {405}),
        "an unknown pick": (post(b'{"do":"choose","tile":1,"pick":"burn"}'), {400}),
        "a favourite that is a number": (post(b'{"do":"star","tile":1,"is_star":7}'), {400}),
        "an unknown mark to list": (request("GET", f"/{token}/history?mark=all%27--", host), {400}),
        "a place in the history that is none": (request("GET", f"/{token}/history?before=x", host), {400}),
        "a foreign origin": (request("GET", sound, host, "Origin: https://example.org"), {403}),
        "a foreign origin that acts": (post(roll, "Origin: http://example.org"), {403}),
        "no origin of its own": (post(roll, "Origin: null"), {403}),
        "a foreign site": (post(roll, "Sec-Fetch-Site: cross-site"), {403}),
        "another page on this machine": (post(roll, "Sec-Fetch-Site: same-site"), {403}),
        "a form": (request("POST", do, host, "Content-Type: text/plain", body=roll), {400}),
        "an action by address": (request("GET", do, host), {405}),
        "an action that is put": (request("PUT", do, host, kind, body=roll), {405}),
        "an unknown action": (post(b'{"do":"burn"}'), {400}),
        "an action with more": (post(b'{"do":"roll","path":"/etc/passwd"}'), {400}),
        "a number that is a text": (post(b'{"do":"vary","tile":"1 OR 1=1"}'), {400}),
        "ranges that are none": (post(ranges), {400}),
        "no JSON": (post(b"roll"), {400}),
        "JSON that is nested deep": (post(b"[" * 3900), {400}),
        "a text that is none": (post(b'{"do":"ro\xffll"}'), {400}),
        "a huge action": (post(b" " * 9000 + roll), {413}),
        "an endless address": (request("GET", f"/{token}/{'a' * 70_000}", host), {414}),
        "endless headers": (request("GET", sound, host, *[f"X-{i}: 1" for i in range(300)]), {431}),
        "no request": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", {400}),
    }
