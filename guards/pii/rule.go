package pii

import (
	"slices"
	"strconv"
	"strings"

	"outrider.dev/outrider/guards/catalogue"
)

// rule is one row of what is found.
type rule struct {
	kind     string // without "pii."
	about    string
	shapes   []string        // see read; none: the kind has a reader of its own
	verify   func(code) bool // nil: the shape says all
	label    label           // what the words nearby must say
	sure     float32         // with such a word
	alone    float32         // without one; 0: not found without
	shy      bool            // without one, not after a word such as "order" either
	examples []string
	none     []string // what looks alike and is not found
}

// Rules returns everything that the package finds, as a catalogue for people.
func Rules() []catalogue.Rule {
	var out []catalogue.Rule
	seen := map[string]int{}
	for _, r := range append(readers(), identities()...) {
		id := strings.ReplaceAll(r.kind, "_", "-")
		if seen[r.kind]++; seen[r.kind] > 1 {
			id += "-" + strconv.Itoa(seen[r.kind])
		}
		out = append(out, catalogue.Rule{ID: id, Type: "pii." + r.kind, Description: r.about, Confidence: max(r.sure, r.alone), Examples: r.examples, Clean: r.none})
	}
	return out
}

// identities are the rows that are nothing but shape, checksum and words.
func identities() []rule {
	return slices.Concat(american(), british(), continental(), others())
}

// readers are the kinds that code reads.
func readers() []rule {
	return []rule{
		{
			kind: "email", about: "An e-mail address; not the user of a URL or of a remote such as git@host:path.", alone: .95,
			examples: []string{"jane+news@mail.example.co.uk", "<jane.doe@example.com>", "mary.o'neill@example.ie", "jörg@müller.example"},
			none:     []string{"git@github.com:org/repo.git", "postgres://bob:hunter@db.example.com/x", "icon@2x.png", "pkg@1.2.3"},
		},
		{
			kind: "phone", about: "A telephone number: international, or national as it is printed (.80 to .90), or any grouping and bare digits near a word such as phone, call or mobile (.75).", alone: .9,
			examples: []string{"+44 20 7946 0958", "(212) 555-0147", "212-555-0147 ext. 4", "0171 / 1234567", "06 12 34 56 78", "ring 555-0182", "my number is 07700900123"},
			none:     []string{"1700000000", "order 2125550147", "case id 212-555-0147", "number 592031745 won", "ISBN 978-3-16-148410-0", "2024-01-15 10:30:00", "40.7128, -74.0060"},
		},
		{
			kind: "credit_card", about: "A payment card number: prefix and length of a network, Luhn, bare or grouped as printed; lengths that networks hardly use only near a word such as card.", alone: .95,
			examples: []string{"4111-1111-1111-1111", "3782 822463 10005", "3056 930902 5904", "6011.1111.1111.1117"},
			none:     []string{"4111 1111 1111 1112", "1234567890123456", "1700000000123456"},
		},
		{
			kind: "iban", about: "An IBAN: length of the country, mod 97, bare or in groups of four, in either case.", alone: .95,
			examples: []string{"DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "nl91 abna 0417 1643 00"},
			none:     []string{"DE89370400440532013001", "XX89370400440532013000"},
		},
		{
			kind: "ip_address", about: "An IPv4 or IPv6 address, private ones too; not loopback, unspecified, masks, whole networks or what words call a version.", alone: .9,
			examples: []string{"203.0.113.77", "from 10.4.2.19:8080", "2001:db8:85a3::8a2e:370:7334", "fe80::1ff:fe23:4567:890a", "ssh root@203.0.113.77"},
			none:     []string{"127.0.0.1", "0.0.0.0", "255.255.255.0", "10.0.0.0/8", "version 10.4.2.19", "v1.2.3.4", "1.2.3.4", "::1", "08:9e:45:65:0b:8d:b3:e4:0c", "npm i tool@1.22.33.44", "std::vector", "10:30:00"},
		},
		{
			kind: "mac", about: "A hardware address: six pairs with colons or hyphens, or three groups of four with dots.", alone: .95,
			examples: []string{"00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7"},
			none:     []string{"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:1B:44:11:3A:B7:12", "10:30:00"},
		},
		{
			kind: "crypto_wallet", about: "An address of Bitcoin, Litecoin, Dogecoin, Dash, TRON or Cardano whose checksum holds, or of Ethereum.", alone: .95,
			examples: []string{"1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
			none:     []string{"1BoatSLRHtKNngkdXEeobR76b53LETtpyU", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
		},
		{
			kind: "date_of_birth", about: "A date near a word such as born or date of birth: with figures or with the month's name.", sure: .85,
			examples: []string{"DOB: 04/12/1985", "born on 12 April 1985", "Geburtsdatum 12.04.1985", "née le 3 août 1990", "geboren am 1. März 1979", "date of birth: April 12, 1985", `"birth_date": "1985-04-12"`},
			none:     []string{"due 04/12/1985", "2024-01-15"},
		},
	}
}
