import json
import os
import time
import urllib.error
import urllib.request

CALL = "http://127.0.0.1:8765/api/v1/orgs/acme/toolkits/ledger/call"
HEADERS = {"Authorization": f"Bearer {os.environ['PERMESSO_KEY']}", "Content-Type": "application/json"}


def call(tool, arguments, idempotency_key):
    """Calls a tool, and waits where a person must approve."""
    body = {"tool": tool, "arguments": arguments, "wait_seconds": 50, "idempotency_key": idempotency_key}
    request = urllib.request.Request(CALL, json.dumps(body).encode(), HEADERS)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=600) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            raise SystemExit(f"{problem['code']}: {problem['detail']}")
        if response.status != 202 or answer.get("next_action") == "stop_and_tell_user":
            return answer
        time.sleep(1)


invoice = {"customer": "Ada", "amount_cents": 1250, "currency": "EUR", "note": "from Python"}
answer = call("send_invoice", invoice, "invoice-2026-0042")
print(answer["status"], answer["message"])
print(json.dumps(answer.get("result", answer.get("error"))))
