package pii

// american are the numbers of the United States and Canada.
func american() []rule {
	return []rule{
		{
			kind: "us_ssn", about: "A US social security number with hyphens, of an area, group and serial that are issued.",
			shapes: []string{"999-99-9999", "999‐99‐9999", "999‑99‑9999", "999–99–9999"}, verify: issued, label: lSSN, sure: .95, alone: .95,
			examples: []string{"123-45-6789", `"ssn": "123-45-6789"`},
			none:     []string{"000-12-3456", "666-12-3456", "900-12-3456", "123-00-6789", "/orders/123-45-6789", "SKU 123-45-6789"},
		},
		{
			kind: "us_ssn", about: "The same with other separators or bare, near words such as SSN or social security.",
			shapes: []string{"999 99 9999", "999999999"}, verify: issued, label: lSSN, sure: .85,
			examples: []string{"my social security number is 123 45 6789", "SSN: 123456789"},
			none:     []string{"123 45 6789", "invoice 123456789"},
		},
		{
			kind: "us_ssn", about: "A US taxpayer number (ITIN), near words such as ITIN or tax id.",
			shapes: []string{"999 99 9999", "999999999"}, verify: itin, label: lSSN, sure: .85,
			examples: []string{"ITIN 912-70-1234"},
			none:     []string{"912-70-1234"},
		},
		{
			kind: "us_bank_routing", about: "An ABA routing number whose checksum holds, near words such as routing or ABA.",
			shapes: []string{"999999999", "9999 9999 9"}, verify: routing, label: lRouting, sure: .9,
			examples: []string{"routing number 021000021", "ABA: 0210-0002-1", "011401533 is our routing number"},
			none:     []string{"021000021", "routing number 021000022"},
		},
		{
			kind: "us_passport", about: "A US passport number, near a word such as passport.",
			shapes: []string{"999999999", "A99999999", "999 999 999", "A 99999999"}, label: lPassport, sure: .8,
			examples: []string{"passport no. 340020013", "Passport: C01234567", "340020013 is my passport number"},
			none:     []string{"340020013", "ticket 340020013"},
		},
		{
			kind: "us_driver_license", about: "A driver's license number of a US state, near words such as driver's license.",
			shapes: []string{"A9999999", "A99999999", "A999999999999", "A999 9999 9999", "A999 999 99 999 9", "99999999", "999999999", "9999999", "AA999999"}, label: lLicence, sure: .75,
			examples: []string{"driver's license D1234562", "DL# 12345678"},
			none:     []string{"D1234562", "license key 12345678"},
		},
		{
			kind: "ca_sin", about: "A Canadian social insurance number whose Luhn digit holds, near words such as SIN or social insurance.",
			shapes: []string{"999 999 999", "999999999"}, verify: luhnCode, label: lSIN, sure: .9,
			examples: []string{"SIN 046 454 286", "social insurance number: 130692544"},
			none:     []string{"046 454 286", "SIN 046 454 287"},
		},
	}
}

// british are the numbers of the United Kingdom.
func british() []rule {
	return []rule{
		{
			kind: "uk_nino", about: "A UK national insurance number of a prefix that is issued.",
			shapes: []string{"AA999999A", "AA 99 99 99 A", "AA 999999 A", "AA 999 999 A", "AA999999 A"}, verify: nino, label: lNINO, sure: .95, alone: .85, shy: true,
			examples: []string{"AB 12 34 56 C", "JG103759A", "NINO: jg-10-37-59-a"},
			none:     []string{"QQ 12 34 56 C", "BG103759A", "JG103759E", "ticket JG103759A"},
		},
		{
			kind: "uk_nino", about: "The same with any prefix or without the suffix, near words such as NINO or national insurance.",
			shapes: []string{"AA999999A", "AA 99 99 99 A", "AA 999999 A", "AA 999 999 A", "AA999999 A", "AA999999", "AA 99 99 99", "AA 999999"}, label: lNINO, sure: .8,
			examples: []string{"NINO QQ 12 34 56 C", "national insurance number AB 12 34 56"},
			none:     []string{"AB 12 34 56"},
		},
		{
			kind: "uk_nhs", about: "An NHS number whose check digit holds, near a word such as NHS or patient.",
			shapes: []string{"999 999 9999", "9999999999"}, verify: nhs, label: lNHS, sure: .9,
			examples: []string{"NHS number 943 476 5919", "patient 9434765919"},
			none:     []string{"943 476 5919", "NHS number 943 476 5918"},
		},
		{
			kind: "driving_licence", about: "A UK driving licence number.",
			shapes: []string{"AAAAA999999ANNAA", "AAAA9999999ANNAA", "AAA99999999ANNAA", "AA999999999ANNAA"}, verify: dvla, label: lLicence, sure: .9, alone: .85,
			examples: []string{"MORGA657054SM9IJ", "driving licence MORGA657054SM9IJ"},
			none:     []string{"MORGA697054SM9IJ", "MORGA657954SM9IJ"},
		},
		{
			kind: "passport", about: "A passport number of other countries, near a word such as passport, Reisepass, passeport or pasaporte.",
			shapes: []string{"AA9999999", "AA999999", "99AA99999", "AAA999999", "A9999999", "A999999", "A99A99A99", "A99AA99N9", "99999999"}, label: lPassport, sure: .75,
			examples: []string{"Reisepass C01X00T47", "passeport 12AB34567", "pasaporte AAA123456", "passport K1234567"},
			none:     []string{"12AB34567", "SKU AAA123456"},
		},
	}
}
