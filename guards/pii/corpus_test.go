package pii

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
)

// made makes values that look as real ones do, with the right checksums. None
// was given to anybody.
type made struct{ *rand.Rand }

func (m made) digits(n int) string { return m.from("0123456789", n) }

func (m made) from(alphabet string, n int) string {
	out := make([]byte, n)
	for k := range out {
		out[k] = alphabet[m.IntN(len(alphabet))]
	}
	return string(out)
}

func (m made) pick(list ...string) string { return list[m.IntN(len(list))] }

// fill writes random digits for every # of a form.
func (m made) fill(form string) string {
	out := []byte(form)
	for k, c := range out {
		if c == '#' {
			out[k] = byte('0' + m.IntN(10))
		}
	}
	return string(out)
}

// until draws values until one passes.
func until(draw func() string, ok func(string) bool) string {
	for {
		if s := draw(); ok(s) {
			return s
		}
	}
}

// coded returns what read makes of the letters and digits of a text.
func coded(text string) (c code) {
	for k := range len(text) {
		if b := text[k]; b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' {
			c.b[c.n] = capital(b)
			c.n++
		}
	}
	return c
}

func (m made) email() string {
	first := m.pick("jane", "r.okafor", "li.wei", "Maria", "t_schmidt", "sales-team", "x", "o.brien99", "anna.kowalska", "dev.null")
	tag := m.pick("", "", "", "+news", "+inv.2024", "+a-b")
	host := m.pick("example.com", "mail.example.org", "corp.example.co.uk", "sub.dept.example.edu", "xn--mller-kva.example", "example.photography", "web.de", "example-shop.io")
	return first + m.pick("", m.digits(2)) + tag + "@" + host
}

func (m made) ssn() string {
	return until(func() string { return m.fill("###-##-####") }, func(s string) bool { return issued(coded(s)) })
}

func (m made) phone() string {
	area, exchange := m.from("23456789", 1)+m.from("02345678", 1)+m.digits(1), m.from("23456789", 1)+m.from("0345678", 1)+m.digits(1)
	four := m.digits(4)
	switch m.IntN(16) {
	case 0:
		return "(" + area + ") " + exchange + "-" + four
	case 1:
		return area + "-" + exchange + "-" + four
	case 2:
		return area + "." + exchange + "." + four
	case 3:
		return "+1 " + area + " " + exchange + " " + four
	case 4:
		return "+1-" + area + "-" + exchange + "-" + four + m.pick("", "x", " ext. ") + m.from("123456789", 3)
	case 5:
		return "001-" + area + "-" + exchange + "-" + four
	case 6:
		return m.fill("+44 20 7### ####")
	case 7:
		return m.fill("+44 (0)161 ### ####")
	case 8:
		return m.fill("077## ######")
	case 9:
		return m.fill("+49 171 #######")
	case 10:
		return m.fill("0171 / #######")
	case 11:
		return m.fill("+33 6 ## ## ## ##")
	case 12:
		return m.fill("06 ## ## ## ##")
	case 13:
		return m.fill("+91 98### #####")
	case 14:
		return m.fill("+81-3-####-####")
	}
	return m.fill("+34 612 ### ###")
}

func (m made) card() string {
	forms := []string{
		"4###############", "4### #### #### ####", "4###-####-####-####", "53## #### #### ####", "51##############", "23##.####.####.####", "37## ###### #####", "34#############",
		"36## ###### ####", "36############", "6011 #### #### ####", "65##############", "3530 #### #### ####", "4### #### #### #### ###", "62##-####-####-####",
	}
	form := forms[m.IntN(len(forms))]
	return until(func() string { return m.fill(form) }, func(s string) bool {
		c := coded(s)
		var d [maxDigits]byte
		for k := range c.n {
			d[k] = byte(c.digit(k))
		}
		return network(d, c.n) && luhn(d[:c.n])
	})
}

func (m made) iban() string {
	country := m.pick("DE", "GB", "FR", "NL", "ES", "IT", "PL", "BE", "CH", "AT", "NO", "SE", "PT", "IE")
	n := ibanLength(country)
	s := until(func() string {
		body := m.digits(n - 4)
		if country == "GB" || country == "NL" || country == "IE" {
			body = m.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4) + m.digits(n-8)
		}
		return country + m.digits(2) + body
	}, func(s string) bool { return mod97([]byte(s)) })
	if m.IntN(2) == 0 {
		var parts []string
		for len(s) > 4 {
			parts, s = append(parts, s[:4]), s[4:]
		}
		s = strings.Join(append(parts, s), " ")
	}
	if m.IntN(6) == 0 {
		s = strings.ToLower(s)
	}
	return s
}

func (m made) address() string {
	switch m.IntN(6) {
	case 0:
		return fmt.Sprintf("10.%d.%d.%d", m.IntN(256), m.IntN(256), 1+m.IntN(254))
	case 1:
		return fmt.Sprintf("192.168.%d.%d", m.IntN(256), 1+m.IntN(254))
	case 2:
		return fmt.Sprintf("2001:db8:%x:%x:%x:%x:%x:%x", m.IntN(65536), m.IntN(65536), m.IntN(65536), m.IntN(65536), m.IntN(65536), m.IntN(65536))
	case 3:
		return fmt.Sprintf("fe80::%x:%xff:fe%02x:%x", m.IntN(65536), m.IntN(256), m.IntN(256), m.IntN(65536))
	}
	return fmt.Sprintf("%d.%d.%d.%d", 11+m.IntN(110), m.IntN(256), 32+m.IntN(200), 1+m.IntN(254))
}

func (m made) mac() string {
	sep, format := m.pick(":", ":", "-"), m.pick("%02x", "%02X")
	if m.IntN(6) == 0 {
		return fmt.Sprintf("%04x.%04x.%04x", m.IntN(65536), m.IntN(65536), 10+m.IntN(60))
	}
	var parts []string
	for range 6 {
		parts = append(parts, fmt.Sprintf(format, m.IntN(256)))
	}
	return strings.Join(parts, sep)
}

func (m made) nino() string {
	form := m.pick("AA######A", "AA ## ## ## A", "AA ###### A")
	return until(func() string {
		s := []byte(m.fill(form))
		for k, c := range s {
			if c == 'A' {
				s[k] = m.from("ABCDEGHJKLMNOPRSTWXYZ", 1)[0]
			}
		}
		return string(s)
	}, func(s string) bool { return nino(coded(s)) })
}

func (m made) routing() string {
	return until(func() string { return m.digits(9) }, func(s string) bool { return routing(coded(s)) })
}

func (m made) passport() string { return m.pick(m.digits(9), m.from("ACEXYZ", 1)+m.digits(8)) }

func (m made) wallet() string {
	switch m.IntN(4) {
	case 0:
		return "0x" + m.from("0123456789abcdef", 40)
	case 1:
		return m.segwit()
	}
	var raw [25]byte
	raw[0] = []byte{0, 5, 0x30, 0x41}[m.IntN(4)]
	for k := 1; k < 21; k++ {
		raw[k] = byte(1 + m.IntN(255))
	}
	once := sha256.Sum256(raw[:21])
	twice := sha256.Sum256(once[:])
	copy(raw[21:], twice[:4])
	return encode58(raw[:])
}

// segwit makes a Bitcoin address in bech32: its last six characters are the
// checksum, which follows from the others.
func (m made) segwit() string {
	body := "q" + m.from(charset, 32)
	sum := polymod("bc", []byte(body+"qqqqqq")) ^ 1
	for k := range 6 {
		body += string(charset[sum>>(5*(5-k))&31])
	}
	return "bc1" + body
}

// encode58 writes bytes in base 58; a leading zero byte is a 1.
func encode58(raw []byte) string {
	var out []byte
	rest := append([]byte{}, raw...)
	for nonzero := true; nonzero; {
		nonzero = false
		carry := 0
		for k := range rest {
			carry = carry<<8 | int(rest[k])
			rest[k] = byte(carry / 58)
			carry %= 58
			nonzero = nonzero || rest[k] != 0
		}
		out = append([]byte{alphabet58[carry]}, out...)
	}
	if raw[0] == 0 && out[0] != '1' {
		out = append([]byte{'1'}, out...)
	}
	return string(out)
}

// scored are the types whose quality is held, with what makes a value and the
// sentences it comes in. Where a value says nothing by itself, the words do.
type scored struct {
	kind     string
	value    func() string
	carriers []string
}

func (m made) types() []scored {
	return []scored{
		{"email", m.email, []string{
			"Write to % before Friday.", "Jane Roe <%> wrote:", "mailto:%", `{"email": "%", "active": true}`, "cc %, bcc nobody", "contact=%&lang=en", "邮箱是 % 谢谢", "Bitte an % senden",
			"2024-05-01 10:22:01 INFO user % logged in", "id,mail\n17,%\n18,",
		}},
		{"phone", m.phone, []string{
			"Call me at %.", "my number is %", "Tel: %", "reach me on % after six", `{"phone": "%"}`, "Handy: %", "phone_number=%;", "You can text me at %, thanks", "mobile % (evenings)",
			"Téléphone : %", "% is my cell", "WhatsApp % please", "Name,Phone\nRoe,%", "電話 %",
		}},
		{"us_ssn", m.ssn, []string{
			"My SSN is %.", `"ssn": "%"`, "% is on the form", "Social Security Number: %", "Roe,Jane,%,NY", "ssn=%", "employee (%) was paid", "El número de seguro social es %",
		}},
		{"credit_card", m.card, []string{
			"my card % exp 04/27", "Charge it to %.", "Visa %", `{"card_number": "%", "cvv": "123"}`, "Please refund card %, thanks", "pan=%", "Kreditkarte: %", "paid with % yesterday card",
		}},
		{"iban", m.iban, []string{
			"IBAN: %", "Transfer 300 EUR to % today.", `"iban":"%"`, "konto %, bank", "(%)", "Bitte überweisen Sie auf %.", "please pay into %",
		}},
		{"ip_address", m.address, []string{
			"login from % failed", "the host is %", "client=% status=200", `"ip": "%"`, "% - - [10/Oct/2024:13:55:36] \"GET / HTTP/1.1\"", "ping % first", "The visitor's IP was %.", "connect to %, please",
			"remote address: %\n",
		}},
		{"mac", m.mac, []string{
			"MAC address %", "the printer at %", "hwaddr=% up", `"mac": "%"`, "device % joined", "%", "ether % txqueuelen 1000",
		}},
		{"uk_nino", m.nino, []string{
			"NINO %", "My National Insurance number is %.", `"nino": "%"`, "% is hers", "NI: %", "payroll for % in May", "Roe,%,2024",
		}},
		{"us_bank_routing", m.routing, []string{
			"routing number %", "ABA: %", "Routing # % account", `"routing_number": "%"`, "wire to ABA %", "% is our routing number", "RTN % for the bank", "The bank's routing transit number is %.",
		}},
		{"us_passport", m.passport, []string{
			"passport %", "My US passport number is %.", `"passport_no": "%"`, "Passport No: %", "% is my passport number", "travels on passport #%", "pasaporte %",
		}},
		{"crypto_wallet", m.wallet, []string{
			"Send it to %", "wallet: %", "my BTC address is %.", `"wallet":"%"`, "ETH %", "donate % thanks", "(%)",
		}},
	}
}
