package pii

// continental are the national numbers of the larger countries of the EU. Those
// of letters or dates, with a checksum, stand alone; the others need a word.
func continental() []rule {
	return []rule{
		{
			kind: "de_tax_id", about: "A German tax id (Steuer-ID) whose check digit holds, near words such as Steuer-ID.",
			shapes: []string{"99999999999", "99 999 999 999"}, verify: german, label: lNational, sure: .9,
			examples: []string{"Steuer-ID 86 095 742 719", "IdNr. 86095742719"}, none: []string{"86095742719", "Steuer-ID 86095742718"},
		},
		{
			kind: "fr_nir", about: "A French social security number (NIR, INSEE) whose key holds.",
			shapes: []string{"999999999999999", "9 99 99 99 999 999 99", "9999999999999 99", "9 99 99 9A 999 999 99", "999999A99999999"}, verify: french, label: lNational, sure: .95, alone: .85, shy: true,
			examples: []string{"1 85 05 78 006 084 91", "185057800608491"}, none: []string{"185057800608492"},
		},
		{
			kind: "it_fiscal_code", about: "An Italian codice fiscale whose check letter holds.",
			shapes: []string{"AAAAAA99A99A999A"}, verify: italian, label: lNational, sure: .95, alone: .95,
			examples: []string{"RSSMRA85T10A562S", "cf rssmra85t10a562s"}, none: []string{"RSSMRA85T10A562T"},
		},
		{
			kind: "es_nif", about: "A Spanish DNI or NIE whose check letter holds.",
			shapes: []string{"99999999A", "99999999-A", "99.999.999-A", "99999999 A", "A9999999A", "A-9999999-A", "A-9999999A"}, verify: spanish, label: lNational, sure: .95, alone: .85, shy: true,
			examples: []string{"12345678Z", "12.345.678-Z", "X1234567L", "NIE: X-1234567-L"}, none: []string{"12345678A", "X1234567M"},
		},
		{
			kind: "nl_bsn", about: "A Dutch citizen service number that passes the eleven test, near words such as BSN.",
			shapes: []string{"999999999", "9999.99.999", "999 999 999"}, verify: dutch, label: lNational, sure: .9,
			examples: []string{"BSN 111222333", "burgerservicenummer: 111222333"}, none: []string{"111222333", "BSN 111222334"},
		},
		{
			kind: "pl_pesel", about: "A Polish PESEL whose check digit and date hold, near words such as PESEL.",
			shapes: []string{"99999999999"}, verify: polish, label: lNational, sure: .95,
			examples: []string{"PESEL 44051401359"}, none: []string{"44051401359", "PESEL 44051401358"},
		},
	}
}

// others are those of smaller countries of Europe.
func others() []rule {
	return []rule{
		{
			kind: "be_nrn", about: "A Belgian national register number whose check digits hold: with its dots and hyphen, or near words such as rijksregister.",
			shapes: []string{"99.99.99-999.99"}, verify: belgian, label: lNational, sure: .95, alone: .95,
			examples: []string{"85.07.30-033.28"}, none: []string{"85.07.30-033.29"},
		},
		{
			kind: "be_nrn", about: "The same without its signs, near such words.",
			shapes: []string{"99999999999"}, verify: belgian, label: lNational, sure: .9,
			examples: []string{"rijksregisternummer 85073003328"}, none: []string{"85073003328"},
		},
		{
			kind: "pt_nif", about: "A Portuguese tax number whose check digit holds, near words such as NIF or contribuinte.",
			shapes: []string{"999999999", "999 999 999"}, verify: portuguese, label: lNational, sure: .9,
			examples: []string{"NIF 123 456 789", "contribuinte: 123456789"}, none: []string{"123 456 789", "NIF 123456788"},
		},
		{
			kind: "se_personnummer", about: "A Swedish personal number whose date and Luhn digit hold: with its hyphen, or near words such as personnummer.",
			shapes: []string{"999999-9999", "99999999-9999", "999999+9999"}, verify: swedish, label: lNational, sure: .95, alone: .8, shy: true,
			examples: []string{"811218-9876", "19811218-9876"}, none: []string{"811218-9875", "811318-9876"},
		},
		{
			kind: "se_personnummer", about: "The same without the hyphen, near such words.",
			shapes: []string{"9999999999", "999999999999"}, verify: swedish, label: lNational, sure: .9,
			examples: []string{"personnummer 8112189876"}, none: []string{"8112189876"},
		},
		{
			kind: "fi_hetu", about: "A Finnish personal identity code whose date and check character hold.",
			shapes: []string{"999999-999A", "999999-9999", "999999+999N", "999999A999N"}, verify: finnish, label: lNational, sure: .95, alone: .85, shy: true,
			examples: []string{"131052-308T", "henkilötunnus 131052-308T", "210345-9153", "010203A1230"}, none: []string{"131052-308U", "133052-308T", "010203G1230", "010203A1231"},
		},
		{
			kind: "ch_ahv", about: "A Swiss AHV number with its dots whose check digit holds.",
			shapes: []string{"999.9999.9999.99"}, verify: swiss, label: lNational, sure: .95, alone: .95,
			examples: []string{"756.9217.0769.85"}, none: []string{"756.9217.0769.84", "757.9217.0769.85"},
		},
		{
			kind: "ch_ahv", about: "The same without its dots, near words such as AHV.",
			shapes: []string{"9999999999999"}, verify: swiss, label: lNational, sure: .95,
			examples: []string{"AHV-Nr. 7569217076985"}, none: []string{"7569217076985", "AHV 7569217076984"},
		},
		{
			kind: "no_fnr", about: "A Norwegian national identity number whose check digits hold, near words such as fødselsnummer.",
			shapes: []string{"99999999999", "999999 99999"}, verify: norwegian, label: lNational, sure: .95,
			examples: []string{"fødselsnummer 15076510013"}, none: []string{"15076510013", "fødselsnummer 15076510014"},
		},
		{
			kind: "ro_cnp", about: "A Romanian personal code whose date and check digit hold, near words such as CNP.",
			shapes: []string{"9999999999999"}, verify: romanian, label: lNational, sure: .95,
			examples: []string{"CNP 1960229410015"}, none: []string{"1960229410015", "CNP 1960229410016"},
		},
	}
}
