call() {
  curl -sS -o answer.json -w '%{http_code}' http://127.0.0.1:8765/api/v1/orgs/acme/toolkits/ledger/call \
    -H "Authorization: Bearer $PERMESSO_KEY" -H 'Content-Type: application/json' -d "$1"
}
invoice='{"tool": "send_invoice", "wait_seconds": 50,
  "arguments": {"customer": "Ada", "amount_cents": 1250, "currency": "EUR"}}'

while [ "$(call "$invoice")" = 202 ] && ! grep -q stop_and_tell_user answer.json; do sleep 1; done
cat answer.json
