package pii

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// family is one kind of sentence that holds nothing personal.
type family struct {
	name string
	draw func() string
}

// negatives are sentences full of numbers and signs, and near misses whose
// checksums are wrong.
func (m made) negatives() []family {
	hex := func(n int) string { return m.from("0123456789abcdef", n) }
	uuid := func() string { return hex(8) + "-" + hex(4) + "-4" + hex(3) + "-a" + hex(3) + "-" + hex(12) }
	date := func() string { return fmt.Sprintf("2024-%02d-%02d", 1+m.IntN(12), 1+m.IntN(28)) }
	clock := func() string { return fmt.Sprintf("%02d:%02d:%02d", m.IntN(24), m.IntN(60), m.IntN(60)) }
	part := func() int { return m.IntN(30) }
	f := fmt.Sprintf
	return append([]family{
		{"order", func() string {
			return m.pick("Order ", "Your order number is ", "order #", "Bestellung ") + m.digits(8+m.IntN(5)) + " has shipped."
		}},
		{"order dashed", func() string {
			return "Order " + m.fill(m.pick("###-#######-#######", "ORD-2024-######", "PO-#####", "###-###-####")) + " is late"
		}},
		{"invoice", func() string {
			return m.pick("Invoice ", "invoice no. ", "INV-", "Rechnung ") + m.digits(6+m.IntN(5)) + " is due " + date()
		}},
		{"ticket", func() string {
			return m.pick("See JIRA-", "INC00", "ticket ", "CASE-", "bug ") + m.digits(5+m.IntN(5)) + " for details"
		}},
		{"version of four parts", func() string {
			return m.pick("version ", "Release ", "upgrade to ", "firmware ", "v", "build ") + f("%d.%d.%d.%d", part(), part(), part(), part()) + m.pick(" is out", ".", " fixes it", "-beta")
		}},
		{"version", func() string {
			return m.pick("go", "v", "node ", "python ", "requires >= ") + f("%d.%d.%d", part(), part(), m.IntN(300)) + m.pick("", "-rc.1", "+build.5")
		}},
		{"browser", func() string {
			return f("Mozilla/5.0 Chrome/%d.0.%d.%d Safari/537.36", 100+m.IntN(30), 1000+m.IntN(9000), m.IntN(255))
		}},
		{"requirement", func() string { return f("pip install lib==%d.%d.%d.%d", part(), part(), part(), part()) }},
		{"timestamp", func() string { return date() + "T" + clock() + ".123Z started" }},
		{"log", func() string {
			return date() + " " + clock() + f(" INFO request took %dms, %d bytes", m.IntN(9999), m.IntN(99999999))
		}},
		{"epoch", func() string {
			return m.pick("at ", "epoch=", "timestamp: ", `"ts":`) + "17" + m.digits(8) + m.pick("", m.digits(3), m.digits(6)) + m.pick("", ",", " UTC")
		}},
		{"uuid", func() string { return m.pick("id ", "trace ", `"request_id":"`) + uuid() + m.pick("", `"`) }},
		{"digest", func() string {
			return m.pick("commit ", "sha256:", "md5 ", "etag ") + hex([]int{7, 32, 40, 64}[m.IntN(4)]) + m.pick("", " ok")
		}},
		{"transaction hash", func() string { return "tx 0x" + hex(64) + " confirmed" }},
		{"price", func() string {
			return m.pick("$", "EUR ", "£", "¥") + f("%d,%03d,%03d.%02d", 1+m.IntN(99), m.IntN(1000), m.IntN(1000), m.IntN(100)) + " in total"
		}},
		{"amount", func() string {
			return f("revenue grew to %d.%03d.%03d,00 EUR", 1+m.IntN(9), m.IntN(1000), m.IntN(1000))
		}},
		{"coordinates", func() string {
			return f("at %d.%s, -%d.%s", m.IntN(90), m.digits(4+m.IntN(4)), m.IntN(180), m.digits(4+m.IntN(4)))
		}},
		{"isbn", func() string {
			return "ISBN " + m.pick(m.fill("#78-3-16-######-#"), m.fill("#780#########"), m.fill("0-306-#####-#"))
		}},
		{"tracking", func() string {
			return m.pick("tracking 1Z", "UPS 1Z") + m.fill("###AA10#########") + m.pick("", " arrives Monday")
		}},
		{"tracking of digits", func() string {
			return m.pick("Tracking number ", "parcel ", "shipment ") + m.fill(m.pick("9400 1### #### #### #### ##", "77## #### ####", "############"))
		}},
		{"remote", func() string {
			return m.pick("git clone git@", "origin git@", "ssh://git@") + m.pick("github.com:", "gitlab.example.com:", "host.example:") + "team/repo.git"
		}},
		{"url with credentials", func() string {
			return m.pick("postgres", "redis", "https", "amqp", "mongodb+srv") + "://" + m.pick("bob", "svc.app", "") + ":" + m.from("abcXYZ123!.$", 10) + "@" + m.pick("db.example.com", "cache.internal.example.org:6379") + "/x"
		}},
		{"copy", func() string { return "scp file.tgz deploy@web" + m.digits(2) + ".example.com:/srv/www" }},
		{"package", func() string {
			return m.pick("npm i left-pad@", "uses: actions/checkout@v", "pkg@") + f("%d.%d.%d", part(), part(), part())
		}},
		{"image", func() string { return m.pick("icon", "logo", "bg-image") + "@2x." + m.pick("png", "jpg", "webp") }},
		{"handle", func() string {
			return "thanks @" + m.pick("jane", "dev_team", "user123") + " and @ops " + m.pick("for #", "in #") + m.digits(4)
		}},
		{"size", func() string {
			return m.digits(9) + m.pick(" bytes (", " B, ") + f("%d.%d MB)", m.IntN(900), m.IntN(10))
		}},
		{"port", func() string {
			return m.pick("localhost:", "127.0.0.1:", "0.0.0.0:", "[::1]:") + m.digits(4) + " is taken"
		}},
		{"network", func() string {
			return m.pick("allow 10.0.0.0/8", "route 192.168.", "subnet 172.16.0.0/12", "mask 255.255.255.0") + m.pick("", " now")
		}},
		{"code", func() string {
			return m.pick("std::vector<int> v", "a::b::C", "x[1:2:3]", "Foo::Bar.new(1, 2)", "for (i = 0; i < 1000000000; i++)", "arr[10:20], arr[::2]", "use dead::beef::cafe;") + m.pick("", ";")
		}},
		{"part number", func() string {
			return m.pick("part number ", "SKU ", "model ", "serial ") + m.from("ABCDEFGHJKLMNPR", 2) + m.digits(6) + m.pick("", m.from("EFGH", 1))
		}},
		{"flight", func() string {
			return "flight " + m.pick("LH", "BA", "UA") + m.digits(3) + f(" at %d:%02d gate B%d", m.IntN(24), m.IntN(60), m.IntN(60))
		}},
		{"score", func() string {
			return f("won %d-%d, %d-%d, then %d/%d of %d", m.IntN(9), m.IntN(9), m.IntN(9), m.IntN(9), m.IntN(99), 100, m.IntN(9999))
		}},
		{"ids", func() string {
			return m.pick("user_id=", "id: ", `"id": `, "row ") + m.digits(6+m.IntN(6)) + m.pick(",", "")
		}},
		{"snowflake", func() string { return m.pick("message ", "id ", `"guild":"`) + "1" + m.digits(17+m.IntN(2)) }},
		{"call id", func() string {
			return "call_" + m.from("ABCDEFabcdef0123456789xyzXYZ", 24) + " toolu_" + m.from("abcXYZ0123456789", 22)
		}},
		{"base64", func() string {
			return "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(m.digits(60)))
		}},
		{"range", func() string {
			return f("pages %d-%d, lines %d to %d, years 19%s-20%s", m.IntN(500), 500+m.IntN(500), m.IntN(99999), m.IntN(99999), m.digits(2), m.digits(2))
		}},
		{"table", func() string {
			return strings.Join([]string{m.digits(3), m.digits(4), m.digits(5), m.digits(2), m.digits(6)}, m.pick("\t", ", ", " | "))
		}},
		{"date", func() string {
			return m.pick("due ", "on ", "by ", "from ") + m.pick(m.fill("1/2#/2024"), "12 April 2024", "2024-04-12", "April 12, 2024", "12.04.2024") + " at noon"
		}},
	}, m.nearMisses()...)
}

// nearMisses have the shape of something that is found and a wrong checksum, and
// no word says what they are.
func (m made) nearMisses() []family {
	spoil := func(s string) string {
		b := []byte(s)
		for k := len(b) - 1; k >= 0; k-- {
			if b[k] >= '0' && b[k] <= '9' {
				b[k] = '0' + (b[k]-'0'+1+byte(m.IntN(8)))%10
				return string(b)
			}
		}
		return s
	}
	say := func(s string) string {
		return m.pick("see ", "got ", "value ", "it says ") + s + m.pick(".", "", " here")
	}
	return []family{
		{"card with a wrong digit", func() string { return say(spoil(m.card())) }},
		{"IBAN with a wrong digit", func() string { return say(spoil(m.iban())) }},
		{"routing without a word", func() string { return say(m.routing()) }},
		{"SSN never issued", func() string { return say(m.pick("000", "666", "9"+m.digits(2)) + m.fill("-##-####")) }},
		{"NINO never issued", func() string {
			return say(m.pick("QQ", "BG", "GB", "ZZ", "DA", "FY", "AO") + " " + m.fill("## ## ##") + " C")
		}},
		{"wallet with a wrong digit", func() string { return say("1" + m.from(alphabet58, 33)) }},
	}
}
