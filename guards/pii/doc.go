// Package pii finds personal data that its shape, its checksum or the words
// around it give away. The guards package imports it; it decides nothing.
//
// What is found is data: the rows of [Rules] name every type with how sure it is
// and examples, which the tests run. A number with a checksum counts only where
// the checksum holds, whatever the words say: a mistyped card is not reported. A
// number that could be anything (nine bare digits) counts only near a word that
// says what it is; of several such words the nearest decides, and a word such as
// "order" or "ticket" that stands nearer than all keeps it clean. Words stand
// before the number within [reach] bytes, or right behind it in the same clause.
//
// What it does not find: names, street addresses, numbers written as words or
// with non-ASCII digits, addresses with a quoted local part, and data that was
// taken apart on purpose ("jane at example dot com"). Loopback, unspecified and
// mask addresses, whole networks (10.0.0.0/8) and versions are no IP addresses;
// private addresses are. A number is not reported where it is part of a longer
// one, of a version, a UUID, a timestamp or a price.
package pii
