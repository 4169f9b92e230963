// Package pii finds personal data that its shape gives away: e-mail
// addresses, telephone numbers, US social security numbers, payment card
// numbers and IBANs. The guards package imports it; it decides nothing.
//
// Types and how sure they are:
//
//	pii.email        .95  local part and a domain with a plausible last label
//	pii.us_ssn       .95  with hyphens and valid area, group and serial;
//	                 .85  with blanks or bare, only near "ssn" or "social security"
//	pii.credit_card  .95  a known network's prefix and length, grouped as printed or bare, Luhn holds
//	pii.iban         .95  a known country's length, mod 97 holds
//	pii.phone        .90  +country and 8 to 15 digits, or (ddd) ddd-dddd, ddd-ddd-dddd, ddd.ddd.dddd;
//	                 .75  ddd ddd dddd, bare digits and national forms, only near a word such as "phone" or "call"
//
// What it does not find: names, street addresses, dates of birth, identity
// numbers other than the US social security number, numbers written as words
// or with non-ASCII digits, addresses with non-ASCII letters or a quoted local
// part, and data that was taken apart on purpose ("jane at example dot com").
// A number is not reported where it is part of a longer one, of a version, an
// IP address, a UUID, a timestamp or a price.
package pii
