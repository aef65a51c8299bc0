"""The forms in which the containers travel: JSON, RLP and SSZ. One module each, one codec for each container.

Nothing is imported here: `rlp` costs a fifth of a second, which a caller who only reads JSON never pays.

| module | what it reads and writes |
|---|---|
| `spec.codec.json_document` | JSON text, strictly |
| `spec.codec.text` | hex, integers and records inside a JSON document |
| `spec.codec.witness_json` | execution witnesses, in go-verkle's dialect and its relatives |
| `spec.codec.payload_json` | execution payloads, Engine API and beacon API |
| `spec.codec.request_json` | new payload requests: a payload and what comes beside it |
| `spec.codec.genesis_json` | geth's genesis.json |
| `spec.codec.state_test_json` | general state tests |
| `spec.codec.rlp` | headers, transactions, blocks |
| `spec.codec.ssz` | EIP-6800's containers and their roots |
| `spec.codec.ssz_request` | new payload requests, and what goes into and comes out of a guest program |
| `spec.codec.rlp_items` | RLP of any shape, strictly |
| `spec.codec.ssz_reader` | SSZ of any type, strictly |
| `spec.codec.limits` | the lengths of a payload's lists |

Every reader raises `DecodeError` and nothing else, whatever it is given. Readers check the encoding (types, lengths,
bounds); rules about what is encoded (order, uniqueness, signatures' chains) belong to those who verify.
"""
