package pii

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// label is what a word says about the numbers near it.
type label uint8

// The labels.
const (
	lOther   label = iota // something that is not personal: an order, a version
	lCounted              // what keeps bare digits from being a telephone number
	lVersion              // what keeps four parts from being an address
	lPhone
	lNumber // a telephone number if nothing else is said
	lCard
	lSSN
	lRouting
	lPassport
	lLicence
	lSIN
	lNINO
	lNHS
	lNational
	lBirth
	lIP
	lMAC
	lWallet
	labelCount
)

// word is a word or a phrase in small letters, of at least two bytes. It counts
// where it begins a word; a whole one must end it too.
type word struct {
	text  string
	label label
	whole bool

	head, mask uint64 // see known
}

// vocabulary lists the words, those of a label separated by commas. A bar
// behind a word makes it whole.
func vocabulary() []word {
	var out []word
	for l, list := range [labelCount]string{
		lOther: `order,invoice,ticket,tracking,parcel,shipment,isbn,issn,ean|,upc|,sku|,serial,batch,barcode,asin|,doi|,case no,case number,case #,part no,part number,
			receipt,booking,confirmation,reservation,reference,commit,revision,checksum,digest,build|,timestamp,epoch,unix time,account,acct,konto,iban|,bestell,rechnung,
			sendung,commande,facture,pedido,factura,ordine,fattura,zamówieni,imei|,vin|,bytes|,price,latitude,longitude,coordinates,lat|,lon|,lng|,article,item,model|,
			product,catalog,score,part|,parts|,case id,customer number,customer no,customer id,kundennummer,client number,client no,client id,member number,member id,policy number,policy no,contract number,employee number,employee id,license key,licence key,request|,trace|,span|,session,transaction,txn|,hash|,sha|,md5|,po number,po #,rma|`,
		lCounted: `id|,ids|,code,pin|,otp|,year,size,port|,count,zip|,error,line|,page,total,amount,user id,bytes,took,rows,value,depth,stack,score,counter`,
		lVersion: `version,versions,ver|,release,released,build|,firmware,upgrade,downgrade,update to,updated to,patch,driver|,section,chapter,clause,paragraph,
			requires,changelog,tag|,tagged,bump,sdk|,semver,assembly,package,rev|,revision,oid|,figure,release notes,runtime|,kernel|,chrome,firefox,plugin`,
		lPhone: `phone,telephone,telefon,teléfono,téléphone,telefono,telephon,tel|,mobile,mobil,cell|,cellphone,cellular,fax,landline,hotline,whatsapp,signal|,sms|,call|,calling,dial|,
			ring|,ringing,text|,text him,text her,texted,reach me,reach him,reach her,reach us,reach them,reach out,reached,can reach,to reach,contact,my number,his number,her number,their number,our number,
			your number,me at,me on,us at,us on,him at,her at,him on,her on,them on,them at,voicemail,handy,rufnummer,festnetz,anrufen,ruf |,rufen,erreichbar,erreichen,móvil,celular,llame,llama,
			llámame,portable,appelez,appeler,joindre,cellulare,chiama,chiamare,telefoon,bel |,gsm|,zadzwoń,ligue,telemóvel,ring mig,extension,handset,
			puhelin,matkapuhelin,τηλέφωνο,телефон,тел|,звоните,позвоните,電話,电话,手机,携帯,전화,휴대폰,هاتف,טלפון,फ़ोन,โทร`,
		lNumber:   `number,nummer,número,numero,numéro,numer|,номер,号码,番号`,
		lCard:     `card,credit,debit,visa|,mastercard,amex|,american express,diners,discover|,maestro,unionpay,jcb|,pan|,cc|,payment,charge,paid with,pay with,paying with,declined,refund,kreditkarte,karte,tarjeta,carte,carta|,kaart,karta,карт`,
		lSSN:      `ssn,social security,socialsecurity,social sec,soc sec,soc. sec,my social|,social:,social":,social is|,social number,itin|,tin|,taxpayer,tax id,ss#|,ss #|,seguro social`,
		lRouting:  `routing,aba|,rtn|,transit,ach|,wire,fedwire`,
		lPassport: `passport,pasaporte,passeport,reisepass,passaporto,paspoort,paszport,passaporte,passnummer,passnr,passinumero,pasnummer,паспорт,護照,护照,旅券,パスポート`,
		lLicence:  `driver,driving,license|,licence|,dl|,dl#|,lic|,führerschein,permis,patente,licencia de conducir,rijbewijs,prawo jazdy`,
		lSIN:      `sin|,social insurance,socialinsurance,nas|,assurance sociale`,
		lNINO:     `nino|,national insurance,nationalinsurance,ni number,ni no,ni|,nin|,insurance n,hmrc,paye|`,
		lNHS:      `nhs,patient,health service`,
		lNational: `steuer,idnr,identifikationsnummer,tax number,national id,nationalid,nir|,insee,sécurité sociale,securite sociale,sécu|,codice fiscale,cf|,dni|,nie|,nif|,
			contribuinte,bsn|,burgerservice,sofi,pesel,rijksregister,numéro national,registre national,national register,nrn|,personnummer,pnr|,samordningsnummer,citizen,
			henkilötunnus,hetu|,personal identity,personal number,person nr,tax id,taxid,tin|,tax identification,fiscal code,c.f|,cod fisc,cod. fisc,identidad,national number,national identity,identity number,fnr|,ahv|,avs|,sozialversicherung,fødselsn,fodselsn,personnr,cnp|,c.n.p,c n p,cod numeric`,
		lBirth:  `dob|,born,birth,d o b|,d.o.b,geburtsdatum,geboren,geb|,né le,née le,naissance,nacimiento,nacido,nacida,nato il,nata il,nascita,nascimento,geboorte,född,födelse,fødselsd,fødsel|,fodselsd,født,urodzen,bday|,syntym,születés,narozen,naşter,născut,doğum,γέννηση,рожден,родил,生年月日,誕生日,出生,生日,생년월일,생일,ngày sinh,tanggal lahir,تاريخ الميلاد,תאריך לידה`,
		lIP:     `ip|,ips|,ipv4,ipv6,ip address,ipaddress,host,addr,client,remote,server,login,logged in,ping|,dns|,gateway,subnet,peer,connect,firewall,ssh|,proxy,x forwarded for,inet,адрес`,
		lMAC:    `mac|,hwaddr,ether|,bssid,hardware address`,
		lWallet: `wallet,bitcoin,btc|,ethereum,eth|,crypto,litecoin,ltc|,dogecoin,doge|,tron|,trx|,usdt|,usdc|,metamask,ether|,cardano,ada|`,
	} {
		for text := range strings.SplitSeq(list, ",") {
			text, whole := strings.CutSuffix(strings.TrimLeft(text, "\n\t"), "|")
			out = append(out, word{text: text, label: label(l), whole: whole})
			first, _ := utf8.DecodeRuneInString(text)
			for _, other := range [...]string{beyond(text), beyond(string(first)) + text[utf8.RuneLen(first):]} {
				if other != text {
					out = append(out, word{text: other, label: label(l), whole: whole})
				}
			}
		}
	}
	return out
}

// beyond writes the letters beyond ASCII as capitals: only those of ASCII are
// read in either case.
func beyond(text string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return r
		}
		return unicode.ToUpper(r)
	}, text)
}
