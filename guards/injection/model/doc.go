// Package model judges by a linear model how much a whole text is like an attack
// on the model that reads it: override, extraction, game, jailbreak. Package
// injection asks it beside its grammar of acts, and the command in
// guards/injection/train makes it; package guards names by it where texts come from.
//
// A text is read word by word, in lower case and compatibility form, without
// accents and characters that show nothing, look-alike letters as what they look
// like, digits and signs within words as the letters they imitate. Every word is
// looked up among 112 concepts, each with its words in up to thirteen languages
// (concepts.txt): override, prior, orders, secret, persona and so on, and what else
// texts speak of: accounts, food, school. Features are the concepts, two or three of
// them close to each other in their order, each with the word or the end of a
// sentence beside it, words, pairs of words and letters that follow each other. So an attack in one language
// teaches about all.
//
// A gate reads the text first, at memory speed nearly: it looks every word up by
// its first letters and lets through only stretches where enough concepts stand
// together, by the points that concepts.txt gives them. Texts of 256 bytes or
// fewer, and these stretches, are judged; all else is harmless by definition, in
// training too.
//
// Windows of 16 to 64 words slide over the text, and the one that scores highest
// decides: a long text hides nothing, and costs no more than its length. Words
// without any concept of attacks nearby count for nothing. Windows of 16 words end with a
// sentence too, so that a harmless sentence before an attack hides little of it. What is learned
// of is what three sources or more share: of words that fewer have, the model would learn those
// sources by heart. Both were chosen by the mean share of overrides, games and jailbreaks that is found
// where whole sources are held out, at .5 to 2 % of the harmless texts: .46 before, .56 with both.
//
// So were the words beside concepts, the concepts of other matters and the hiding of
// half of the features while it learns: each finds .03 to .06 more of the games at 1 %
// of the harmless texts.
//
// weights.bin is 448 KiB: an 8-bit weight for each of 2^18 + 2^17 + 2^16 places, and
// the thresholds. evaluation.md, made with it, tells what it finds of sources that it
// has not learned from. Reading a text allocates nothing.
package model
