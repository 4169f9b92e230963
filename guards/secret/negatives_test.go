package secret

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"outrider.dev/outrider/guards/window"
)

// negatives are texts in which nothing is a credential, by family. Values are
// made when the test runs.
func negatives(r *rand.Rand) map[string]string {
	b := func(n int) string { return invent(r, alnums, n) }
	h := func(n int) string { return invent(r, hexes, n) }
	d := func(n int) string { return invent(r, "123456789", 1) + invent(r, numbers, n-1) }
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	out := map[string]string{
		"completion id": pick("id: ", `{"id":"`, "the completion ", "see ", "response id is ", "The key is ") + "chatcmpl-" + b(29) + pick("", " was slow", `"}`),
		"tool id":       pick("tool_call_id: ", `"tool_use_id":"`, "call id ", "token ", "the key is ", `{"key": "`) + pick("toolu_", "call_") + b(24) + pick("", `","type":"tool_result"`),
		"message id":    pick(`"id":"`, "message ", "the run ") + pick("msg_", "run_", "resp_", "thread_", "req_", "asst_") + b(24),
		"sha1":          pick("commit ", "sha1: ", "HEAD is at ", "merge ", `"sha":"`, "SHA1 of the file is ", "cherry-pick ", "git show ", "the digest is ", "revision=", "ref: ") + h(40),
		"sha256": pick("sha256: ", "sha256:", "checksum ", "digest ", `"digest":"sha256:`, "the SHA-256 of the token file is ", "image@sha256:", "hash = ", "etag: ", "SHA256(secret) = ",
			"password hash: ", "api key hash: ") + h(64),
		"md5":         pick("md5: ", "MD5 (file) = ", "md5sum ", "ETag: \"", "fingerprint: ", "the md5 of the key is ", "content-md5: ", "cache key: ", "cache_key = \"", "hash_key: ") + h(32),
		"git short":   pick("fixed in ", "see commit ", "since ", "key change in ") + h(7),
		"uuid":        pick("id: ", "user ", `"id":"`, "request_id=", "trace id ", "uuid = ", "key: ", `"key": "`, "order ", "tenant ", "token_id: ", "key id is ", "session ") + uuidOf(r),
		"placeholder": pick("api_key = ", "API_KEY=", "my key is ", "the token is ", "Authorization: Bearer ", "password: ", "secret: \"") + pick("<your-key>", "xxxxxxxxxxxxxxxxxxxx", "sk-...", "YOUR_API_KEY", "your-api-key-here", "changeme", "EXAMPLE", "<token>", "...", "********", "${API_KEY}", "{{ token }}", "$TOKEN", "%s", "REDACTED", "TODO", "insert-key-here", "my-secret-key", "abc123", "foobar", "null", "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "sk-your-key", "[redacted]", "dummy-token-123456", "XXXX-XXXX-XXXX-1234", "your_token_1", "<API_KEY_1>", "test", "secret", "password123", "12345678", "sk-1234567890abcdef1234", "abc123def456ghi789", "AKIAIOSFODNN7EXAMPLE"),
		"masked":      pick("key: ", "token ", "api key ") + pick("sk-ab12…", "sk-ant-…x9Yz", "ghp_****************", "AKIA************", "sk-proj-abc...xyz", "••••••••1234", "sk-a***9f"),
		"time":        pick("token expires 2024-03-01T10:00:00Z", "key rotated on 2024-01-15 at 10:30", "password last changed 1700000000", "secret version 12 created 2023-11-14T22:13:20.123Z", "token valid until 2025-12-31 23:59:59", "auth took 125ms"),
		"count":       pick("max_tokens=4096", "used 18234567 tokens", `"total_tokens": 12345678`, "token count is 1234567890123456", "tokens: 128000", "2048 completion_tokens", `{"prompt_tokens":812,"completion_tokens":90}`, "key size 2048 bits", "password length 16"),
		"page token":  pick("next_page_token: ", "page_token=", `"nextPageToken":"`, "continuation token: ", "next token is ", "cursor=") + b(32),
		"version":     pick("password4j 1.8.2", "token-lib v2.13.4-rc.1", "secret-manager@1.2.3-beta.20240115", "auth v1.2.3", "keycloak 24.0.5", "key: v1.2.3-alpha.4+build.5"),
		"path":        pick("token file: /var/run/secrets/kubernetes.io/serviceaccount/token2", "key = /etc/ssl/private/server01.key", "password_file: ./secrets/db_password_2.txt", "secret: projects/42/secrets/db-pass/versions/7", "key path ~/.ssh/id_rsa2", "cert=/tls/a1B2c3D4e5F6/tls.crt"),
		"code": pick("if token == lexer.T2Ident { return parseToken(p2) }", "password := cfg.Password2", "key := hashKey64(b1, b2)", "const secret = getSecret(\"db1\")", "for key1, value2 in tokens.items():", "token = tokens[i2 + 1]", "return auth2Middleware(next)",
			"password = os.environ[\"DB_PASSWORD_2\"]", "api_key=os.getenv('OPENAI_API_KEY_1')", "let secretKey = await kms.decrypt2(blob)", "self.token = token_v2", "api_key: process.env.API_KEY2,", "key = f\"user:{id2}:profile\"", "secret = Secret.from_name('db2')",
			"token_type_ids = inputs['t1']", "const keyframes2 = 'a1'", "assert password == hash_pw2(x)", "map[key1] = value1", "keys = sorted(d1.keys())", "KEY_F12 = 0x7B", "privKey, ed25519.PublicKey)", "keys = append(keys, X509CertThumbprintS256Key)", "isFloat(pass, call.Args[0])", "pass := &analysis.Pass2{", "jwt.WithBase64Encoder(base64.URLEncoding)",
			"# url-password.yaml:4:32: mcp.servers[0].url", "err := dsig.Sign(privKey, dsig.ECDSAWithP256AndSHA256)", "jwt.JwtIDKey: \""+uuidOf(r)+"\"", "token, err := c.Login2(ctx)\n}\n\n// CheckN1QueriesNoPass", "PASSWORD_MIN_LENGTH = 12", "password: z.string().min(8).max(64),"),
		"reference": pick("password: vault:kv/data/db2#password", "secretKeyRef: {name: db2, key: password1}", "api_key: !secret openai_key_2", "token: ${{ secrets.TOKEN_2 }}", "password=$(cat /run/secrets/db2)", "value: \"{{ .Values.auth.token2 }}\"", "apiKey: env:OPENAI_KEY2",
			"secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-creds-a1B2c3", "key: kms/eu-west-1/alias/app2", "token from {env: GITHUB_TOKEN2}", "keyId: arn:aws:kms:eu-west-1:123456789012:key/"+uuidOf(r)),
		"public": pick("public key: ", "public_key = \"", "ssh public key is ", "pubkey ") + "AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + b(60),
		"pem":    "-----BEGIN " + pick("CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY") + "-----\nMII" + invent(r, alnums+"+/", 61) + "\n",
		"lock": pick(`"integrity": "sha512-`+invent(r, alnums+"+/", 86)+`=="`, `resolved "https://registry.example.com/tokenize/-/tokenize-1.2.3.tgz#`+h(40)+`"`, "github.com/acme/token v1.2.3 h1:"+invent(r, alnums+"+/", 43)+"=", `checksum = "`+h(64)+`"`,
			`keyring==24.3.1 --hash=sha256:`+h(64), `name = "secrecy"`+"\nversion = \"0.8.0\"\nsource = \"registry\"\nchecksum = \""+h(64)+"\""),
		"image":           pick("data:image/png;base64,iVBORw0KGgo", `<img src="data:image/gif;base64,R0lGOD`, `"b64_json": "`) + base64.StdEncoding.EncodeToString([]byte(invent(r, alnums+"\x00\x01\xfe", 90))),
		"minified":        "var a=function(e,t){return e.key=t.k1,n(e.token2,0xFF),t.password1};!function(){var e=" + `"a1",t={secret:e,key:"k2"}` + "}();",
		"url":             pick("docs at https://example.com/docs/api-keys/v2/", "reset your password at https://example.com/reset2", "see token docs: https://a1.example.com/t/Auth2Guide", "key https://example.com/k/"+b(6), "token endpoint: https://login.example.com/"+uuidOf(r)+"/oauth2/v2.0/token", "https://h.example.com:8443/a?x=1#k2", "avatar key https://cdn.example.com/"+h(32)+".png"),
		"prose":           pick("The password must contain 8 characters, 1 digit and 1 sign.", "Your password expires in 30days.", "The key to success is 10000hours of work.", "password for user42 is invalid", "token bucket with burst100 refills", "The secret of level42 is in room7b.", "Turn the key1 and key2 at once.", "She plays in C4 key signature 3/4.", "password is base64 encoded", "the password is sha256-hashed", "Please authenticate with OAuth2.0 tokens.", "secret santa 2024 list: bob1, eve2", "we passed 12 of 14 checks; pass rate=85.7%", "auth is via OpenID2.0", "keys F1 to F12", "pass2go is a product", "The author2 field", "credentials were sent on 2024-05-01."),
		"id":              pick("client_id: ", "application id is ", "account_id=", "tenantId: ", "instance id ", "subnet-", "order number ", "AccountSid: AC", "merchant id: ", "ticket ", "tracking number ", "kid: ", "key id: ") + pick(d(12), h(32), b(20), "i-0"+h(16)),
		"aws id":          pick("arn:aws:iam::"+d(12)+":role/app2", "vpc-0"+h(16), "AIDA"+invent(r, base32s, 16), "AROA"+invent(r, base32s, 16)),
		"trace":           "2024-05-01T10:00:00Z INFO auth ok trace_id=" + h(32) + " span_id=" + h(16) + " user=42 token_ttl=3600s",
		"header":          pick("x-request-id: ", "traceparent: 00-"+h(32)+"-", "cf-ray: ", "x-amzn-trace-id: Root=1-", "if-none-match: W/\"", "x-correlation-id: ") + h(16),
		"stripe id":       pick("cus_", "pi_", "sub_", "price_", "prod_", "acct_", "ch_", "evt_1", "in_1") + b(22) + pick("", " was charged", " has no key"),
		"color":           pick("key color #a1b2c3", "--token-color: #1f2d3c4d", "palette key: 0xFFAA3311", "token: rgb(12,34,56)"),
		"model":           pick("tokens of gpt-4o-2024-08-06", "model: claude-3-5-sonnet-20241022", "key model gpt-4.1-mini-2025-04-14", "auth model: text-embedding-3-large"),
		"test name":       pick("TestTokenV2Expires2Days", "test_api_key_rotation_v2_handles_404", "should_return_401_when_token_v1_is_used", "key: test_case_12_of_40_long_name", "ApiKeyControllerV2Test"),
		"kebab":           pick("secret: my-app-secret-v2", "secretName: prod-db-credentials-2024", "token: csrf-token-meta-1", "key: user-profile-cache-v3-eu-west-1", "secret name is billing-service-stripe-key-01", "existingSecret: redis-auth-7b9f6"),
		"email":           pick("password reset for bob1@example.com", "token: bob.smith42@example.com", "key contact is eve2@example.com", "login: jane99@example.org / see vault", "password: bob2@example.com"),
		"number":          pick("pass 4155550123", "token 0x1F4B2A", "pin code 1234", "key 42", "passcode length: 6", "key: 1700000000000", "password attempts: 3of5", "secret number 7919"),
		"mac":             pick("key 00:1B:44:11:3A:B7", "ssh-rsa fingerprint SHA256:"+invent(r, alnums+"+/", 43), "The key fingerprint is: 16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "token at 10.0.0.7:8080", "key 2001:db8::8a2e:370:7334"),
		"s3":              pick("Key: backups/2024/05/db-7f3a.tar.gz", `"Key": "uploads/a1B2c3D4/photo-1.jpg"`, "object key is img/2024/IMG_2031.jpeg", "s3 key exports/run_42/part-0001.parquet"),
		"table":           pick("| key | type | default |\n| max_tokens | int32 | 4096 |", "| token | count |\n| the | 1202 |", "key,value\nuser1,42\n", "password,strength\nweak1,2\n"),
		"jwt talk":        pick("A JWT has 3 parts: header.payload.signature", "decode eyJhbGciOiJIUzI1NiJ9 to see the header", "token has 2 dots", "alg: RS256, typ: JWT, kid: k1"),
		"other languages": pick("Das Passwort muss 12 Zeichen lang sein", "el token caduca en 30d", "le mot de passe doit avoir 8 caract\u00e8res", "\u5bc6\u7801\u957f\u5ea6\u81f3\u5c118\u4f4d", "la clave es de 2048bits", "\u043f\u0430\u0440\u043e\u043b\u044c \u0434\u043e\u043b\u0436\u0435\u043d \u0438\u043c\u0435\u0442\u044c 8 \u0437\u043d\u0430\u043a\u043e\u0432"),
	}
	return out
}

func TestCorpusNegatives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(22, 22))
	d := New()
	n, wrong := 0, map[string][]string{}
	for range 120 {
		for family, text := range negatives(rnd) {
			for _, text := range []string{text, "So: " + text + ".", `{"text":"` + text + `","n":1}`, text + "\nnext line\n"} {
				n++
				for _, f := range first(d, text) {
					wrong[family] = append(wrong[family], f+" in "+fmt.Sprintf("%q", text))
				}
			}
		}
	}
	var lines []string
	total := 0
	for family, list := range wrong {
		slices.Sort(list)
		list = slices.Compact(list)
		total += len(list)
		lines = append(lines, fmt.Sprintf("%s: %d\n   %s", family, len(list), strings.Join(list[:min(len(list), 4)], "\n   ")))
	}
	slices.Sort(lines)
	if total > 0 {
		t.Errorf("%d of %d negatives are found\n%s", total, n, strings.Join(lines, "\n"))
	}
}

// first returns what is found in a text.
func first(d *Detector, text string) []string {
	all, _ := find(d, []byte(text), window.Mark{}, true, nil)
	out := []string{}
	for _, f := range all {
		out = append(out, f.Type+" "+text[f.Start:f.End])
	}
	return out
}
