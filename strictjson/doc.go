// Package strictjson is the one JSON reader of the road. It reads a body once,
// before anything is asked or forwarded, and refuses every body that two
// readers could understand differently: duplicate member names, invalid UTF-8,
// lone surrogates, a second document behind the first, a byte order mark, a
// root that is no object. Names that differ only in case are refused where a
// reader of the body asks for it ([Value.RefuseFolded]).
//
// A [Doc] is a flat tape over the raw bytes: each [Value] knows its offsets, so
// that edits splice the original bytes and nothing is encoded again.
//
// A usual body is skimmed by a reader of this package's own; whatever that one does
// not know for sure is left to the grammar's reader, which alone refuses.
//
// The dialects and the decision service's faces import it. It imports the
// vocabulary for its reason codes and the jsontext package for the grammar.
package strictjson
