// Package secret finds credentials that their own shape gives away: keys with
// a provider's prefix, JSON Web Tokens, private keys, URLs with a password,
// Authorization values, and values assigned to names such as api_key. The
// guards package imports it; it decides nothing.
//
// Types are secret.<provider>, as the table in rules.go names it, and
// secret.jwt, secret.private_key, secret.url, secret.bearer, secret.basic and
// secret.generic. The span is the credential, without the name, scheme or host
// around it. As soon as the first bytes prove a credential, all that follows in
// its alphabet belongs to it, however long it is.
//
// Placeholders stay clean: text that says it is an example, masked or repeated
// characters, alphabets and counts, too few different characters, and the
// environment variables and templates that stand for a password in a URL.
//
// What it does not find: credentials without a prefix, name or scheme near
// them; passwords in prose; keys that were split, encoded or written backwards
// on purpose; a key glued to a letter or digit before it. Checksums inside keys
// are not verified, and no key is tried against its provider.
package secret
