package secret

import "strings"

// role is what a word before a value says about it.
type role uint8

const (
	ordinary  role = iota
	key            // a credential if a value beside it looks like one
	strong         // a credential
	session        // a credential where it is assigned with =
	password       // a password, which may be short and readable
	link           // joins what is named to the value: "is"
	neutral        // says that a value follows, not which
	digest         // the value is a digest, whatever else is said
	other          // the value is an identifier or something else that only looks random
	attribute      // of a credential, where a name ends with it: "token file"
)

// words are what is understood before a value, in lower case. Names are taken
// apart at signs, not at capitals: authToken is one word.
func words() map[string]role {
	out := map[string]role{}
	for r, list := range map[role]string{
		key: `key keys`,
		strong: `token secret secrets apikey apikeys apitoken apisecret authtoken authkey secretkey secretaccesskey secretkeybase credential credentials creds cred bearer
			authorization auth jwt pat webhook webhooks privatekey privkey geheimnis jeton clave claves chiave chave sleutel schl cl`,
		session: `session sessionid sessid sid phpsessid jsessionid sessiontoken cookie sig`,
		password: `password passwords passwd passphrase passcode passwort pwd pass pw psw kennwort senha passe parola wachtwoord basic
			storepass keypass securestring requirepass masterauth identified`,
		link:    `is are was be to as with equals this following use using these ist lautet sind es est son til new old current`,
		neutral: `value val values default`,
		digest: `sha sha1 sha2 sha256 sha384 sha512 md5 blake3 hash hashes digest digests checksum checksums commit commits revision rev etag fingerprint
			fingerprints thumbprint integrity crc crc32 hashed hmac h1`,
		other: `id ids uuid guid uid trace span request correlation build version versions release nonce cursor offset blob tree ref refs image layer order invoice ticket
			issue call run row node object arn chat completion completions message tracking serial sku isbn transaction tx txid block address wallet public
			instance volume snapshot subnet`,
		attribute: `hasher hashers encoder encoders file files path dir url uri host port name names type endpoint user username email time ttl expiry expires timeout length size len count limit scope scopes
			issuer format prefix suffix algorithm alg kid regex pattern policy header hint label color status state date created updated rotation rotated arn
			index reset strength rule rules field fields input placeholder min max usage used budget model audience`,
	} {
		for word := range strings.FieldsSeq(list) {
			out[word] = r
		}
	}
	return out
}

// modifiers are the words right before a key or token that make it none.
func modifiers() map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(`public primary foreign partition cache sort index idempotency object row lookup hash range composite surrogate unique dedup group
		routing message translation map dict hot arrow enter publishable page next continuation csrf xsrf max min sync cancellation input
		output prompt completion total site etag websocket cached starting stop special bos eos pad mask cursor previous prev answer pub`) {
		out[word] = true
	}
	return out
}

// kinds are the words before "key" that make it one that opens something.
func kinds() map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(`api access secret auth master encryption signing license licence account service app application client consumer admin
		subscription server storage shared live production prod staging personal root deploy private decryption x`) {
		out[word] = true
	}
	return out
}

// endings end longer words that name a credential, as in githubToken; so do the
// kinds of keys, as in newRelicLicenseKey.
var endings = [...]struct {
	text string
	role role
}{
	{"token", strong},
	{"secret", strong},
	{"password", password},
	{"passwd", password},
	{"passphrase", password},
	{"credentials", strong},
	{"pwd", password},
}

// Openers returns the words before which values are told apart from other text,
// in lower case: first those near which a value with a digit may be one, then
// those right behind which any value may, and those to which none is assigned.
func (d *Detector) Openers() (near, right, none []string) {
	for word, r := range d.words {
		switch r {
		case key, strong, session:
			near = append(near, word)
		case password:
			right = append(right, word)
		case digest, other:
			none = append(none, word)
		}
	}
	right = append(right, d.leaders()...)
	return near, append(right, "curl", "u", "user"), none // of curl -u and --user
}
