package guards

import "outrider.dev/outrider/guards/window"

// sign judges a sign that something may begin at or behind.
func (r *sifting) sign(i int) {
	text := r.text
	switch text[i] {
	case '/': // the authority of a URL
		if i >= 2 && text[i-1] == '/' && text[i-2] == ':' {
			r.places[ofSecrets].Add(i + 1)
		}
	case '\\': // a line end that is still written as \n
		if i+2 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || text[i+1] == 't') {
			r.places[ofSecrets].Add(i + 2)
			r.places[ofNumbers].Add(i + 2)
		}
	case '<', '[': // a token that separates roles
		if i+1 < len(text) && (text[i+1] == '|' || text[i+1] == '<' || text[i+1] == '/' || text[i+1]|0x20 == 'i') {
			r.places[ofInjection].Add(i)
		}
	}
}

// begin judges the word at i, which a line of five dashes may lead to.
func (r *sifting) begin(i int) {
	const dashes = "-----"
	if i >= len(dashes) && string(r.text[i-len(dashes):i]) == dashes {
		r.places[ofSecrets].Add(i - len(dashes))
	}
}

// ahead judges what ends in the block behind the stretch and begins in it. The
// argument tells whether the last byte of the stretch is a letter or digit.
func (r *sifting) ahead(alnum uint64) {
	end := r.from + window.Stretch
	if b := &r.blocks[blocks-1]; b.Digit&^alnum&1 != 0 {
		r.signed(end)
	}
	for i := end; i < min(end+5, len(r.text)); i++ {
		if r.text[i] == 'B' {
			r.begin(i)
		}
	}
}
