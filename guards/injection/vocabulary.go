package injection

import "strings"

// class is a set of parts that a word can play in an act.
type class uint64

const (
	glue      class = 1 << iota // may stand between the parts of any act
	override                    // ignore, forget
	prior                       // previous, above
	every                       // all, any
	yours                       // your
	orders                      // instructions, directives
	bounds                      // rules, restrictions, context
	prompt                      // prompt, instructions, message: what is extracted
	system                      // system, initial, hidden
	all                         // everything, anything
	told                        // told, instructed
	said                        // said: in letters too, so only with what stands above
	above                       // above, before
	end                         // the end of a phrase, or a word that goes on to the next
	reveal                      // reveal, print
	say                         // show, tell, give
	words                       // text, words, everything
	what                        // what
	is                          // is, are, were
	verbatim                    // verbatim, exactly
	you                         // you
	now                         // now
	act                         // act, pretend
	as                          // as, like
	dan                         // dan, unrestricted
	mode                        // mode
	do                          // do
	anything                    // anything
	stop                        // stop
	follow                      // following, obeying
	free                        // free, freed
	from                        // from, of
	confines                    // confines, shackles
	not                         // dont, never, without
	tell                        // tell, inform
	user                        // user
	keep                        // keep, hide
	secret                      // secret, hidden
	no                          // no, without
	limits                      // restrictions, filters
	jail                        // jailbreak
	with                        // with, in
	developer                   // developer
	enabled                     // enabled, granted
	forget                      // the verbs of override that need no quantifier
	nothing                     // nothing
	after                       // system, hidden, where the adjective follows its noun
	the                         // the
	behind                      // above, anteriores: what follows the noun
	guarded                     // password: what games ask for
	kept                        // secret, code: with word behind it, guarded
	manner                      // backwards, in base64
	letter                      // letter, half
	place                       // first, last
	barred                      // allowed, supposed
	token                       // word, phrase: what is kept
	utter                       // say
	shed                        // abandon, erase: weaker verbs of override
	lay                         // set, put: with aside behind it, a verb of override
	aside                       // aside, away
	heed                        // attention: with no before it, a verb of override
	none                        // none, nothing
	applies                     // apply, matter
	voided                      // void, revoked
)

// vocabulary returns the parts that each known word can play. Words stand
// without accents and apostrophes, as the reader spells them.
func vocabulary() map[string]class {
	v := make(map[string]class, 512)
	for _, line := range [][]entry{overrideWords(), extractionWords(), otherWords()} {
		for _, e := range line {
			for word := range strings.FieldsSeq(e.words) {
				v[word] |= e.class
			}
		}
	}
	return v
}

type entry struct {
	class class
	words string
}

func overrideWords() []entry {
	return []entry{
		{override | forget, `ignore ignoring disregard forget drop ignora ignorad ignoren olvida olvide olviden olvidad olvidate descarta desestima
			ignoriere ignoriert ignorieren missachte missachten vergiss vergesse vergessen ignorez oublie oubliez neglige negligez
			ignori dimentica dimenticate esqueca esquece desconsidere
			negeer vergeet zignoruj ignoruj zapomnij pomin`},
		{override, `override bypass neglect overlook discard omite umgehe umgehen ubergehe verwirf outrepasse contourne contournez`},
		{prior | glue, `previous prior above earlier preceding foregoing former existing original initial aforementioned previously past preexisting aforesaid
			anteriores anterior previas previos previa arriba vorherigen vorherige vorheriger bisherigen bisherige obigen obige vorigen
			vorangegangenen fruheren vorige voorgaande eerdere bovenstaande poprzednie wczesniejsze powyzsze precedentes precedente precedents precedent anterieures anterieurs dessus precedenti precedente acima`},
		{behind, `above before earlier previously aforementioned dessus arriba acima sopra oben beforehand
			anteriores anterior previas previos previa precedentes precedente precedents precedent anterieures anterieurs precedenti`},
		{every | glue, `all any every each todas todos cualquier alle allen samtliche toutes tous tutte tutti alle wszystkie`},
		{yours | glue, `your tus sus deine deinen deiner ihre tes vos tue suas seus jouw swoje twoje`},
		{orders, `instruction instructions directive directives guideline guidelines guidance instrucciones ordenes directrices indicaciones
			anweisung anweisungen instruktionen vorgaben befehle richtlinien consigne consignes istruzioni instrucoes instructies opdrachten aanwijzingen instrukcje polecenia`},
		{bounds, `rule rules restriction restrictions constraint constraints command commands orders policies prompt prompts programming training
			safeguard safeguards filters limitations protocols context directions reglas normas restricciones regeln einschrankungen
			regles regole regras diretrizes systemprompt zasady regels`},
		{all, `everything anything all whatever todo alles tout tutto tudo`},
		{told | glue, `told instructed taught wurde`},
		{said | glue, `said dicho gesagt dit detto`},
		{above, `above before previously earlier antes arriba zuvor vorher bisher avant dessus prima acima`},
		{stop, `stop quit cease no not dont never nicht ne`},
		{follow, `follow following obey obeying listen listening adhere adhering comply complying respecting sigas siga suis suivez`},
		{shed, `abandon dismiss erase unlearn nullify ditch purge wipe scrap renounce disobey defy`},
		{lay, `set put throw lay toss brush push cast leave leaving`},
		{aside, `aside away`},
		{heed, `attention heed notice regard`},
		{none, `none nothing neither`},
		{applies, `apply applies matter matters count counts binding valid`},
		{voided, `void cancelled canceled revoked rescinded superseded annulled nullified lifted suspended overridden erased`},
		{glue, `of the these those that this my me us to in and or but also please completely entirely totally just now every other such
			set given safety security ethical moral content developer system openai anthropic you i we have has had been were are was it its
			at on about from for so far up until here which what earlier any only own current strict internal line point absolutely
			las los la el de del al y o que te se ha han dado las por favor
			die der das den dem und oder von bitte dir ihnen mir zu was wurde wurden
			pas les le des du de et ou ci tout ce qui que t a ete l d m compte tiens
			le i gli che di e o as os que do da`},
	}
}

func extractionWords() []entry {
	return []entry{
		{reveal, `reveal print repeat output disclose leak dump expose recite regurgitate revela imprime repite verrate wiederhole
			revele repete rivela ripeti onthul herhaal ujawnij powtorz`},
		{say, `show display tell give share write paste echo send translate summarize describe encode return muestra muestrame dime dame
			zeige zeig nenne sag affiche montre donne mostra mostre dimmi`},
		{yours | glue, `tu su dein deinen ton votre tuo seu`},
		{system | glue, `system initial original hidden secret internal full exact entire complete developer sistema inicial oculto
			versteckten systeme cache initiales sistema`},
		{after | glue, `sistema systeme initiales iniciales ocultas secretas secretes cachees oculto cache iniziali`},
		{prompt, `prompt prompts instructions instruction message messages guidelines rules configuration directives systemprompt
			instrucciones reglas anweisungen regeln consignes istruzioni`},
		{words, `text words everything all content contents sentences conversation lines`},
		{above, `above`},
		{verbatim, `verbatim exactly word`},
		{end, `and then starting beginning verbatim exactly in word inside into`},
		{what, `what whats`},
		{is, `is are was were whats`},
		{the | glue, `the el il le dem al`},
		{guarded, `password passphrase passcode codeword passwort kennwort losungswort contrasena motdepasse senha wachtwoord haslo sifre`},
		{kept, `secret code magic hidden access pass geheime`},
		{token, `word phrase code key`},
		{utter, `say speak pronounce type reply respond answer announce declare shout`},
		{glue, `with`},
		{say, `spell encode translate reverse whisper sing spelle buchstabiere deletrea epelle`},
		{manner, `backwards backward reversed reverse base64 hex hexadecimal rot13 morse caesar binary acrostic poem haiku limerick
			anagram emoji emojis letter letters ruckwarts umgekehrt buchstabe reves envers lettre`},
		{letter, `letter letters character characters half syllable buchstabe letra lettre`},
		{place, `first second third last every each next erste ersten letzte primera ultima premiere derniere`},
		{barred, `allowed supposed permitted meant`},
	}
}

func otherWords() []entry {
	return []entry{
		{you | glue, `you youre eres du tu sei es bist`},
		{is | glue, `are youre eres bist sei es`},
		{now | glue, `now ahora jetzt maintenant adesso agora`},
		{act, `act pretend behave respond answer roleplay operate actua agis handle antworte`},
		{as | glue, `as like como als comme being be an a`},
		{dan, `dan unrestricted unfiltered uncensored jailbroken amoral dude stan aim antigpt`},
		{jail, `jailbreak jailbroken dan unrestricted unfiltered uncensored`},
		{mode, `mode modo modus`},
		{developer, `developer entwickler desarrollador god`},
		{enabled, `enabled activated granted`},
		{do, `do`},
		{anything, `anything`},
		{free, `free freed broken liberated unshackled`},
		{from | glue, `from of`},
		{confines, `confines shackles chains constraints restrictions censorship limitations`},
		{no, `no without any zero`},
		{limits, `restrictions limitations filters censorship guardrails restricciones limites einschrankungen restrictions`},
		{not, `dont never without not no sin ne nicht ohne sans`},
		{tell, `tell telling inform informing notify notifying alert alerting mention mentioning reveal revealing disclose disclosing
			digas decir decirle informar avises sag sage sagen erzahle informieren erwahne dis dire informer informe mentionne`},
		{user, `user human operator usuario benutzer nutzer anwender utilisateur lutilisateur utente`},
		{keep, `keep hide conceal withhold`},
		{secret, `secret hidden hide conceal withhold confidential private`},
		{stop, `tiens`},
		{follow, `compte`},
		{nothing | glue, `nothing nichts rien nada`},
		{glue, `ever under circumstances anything typical usual le lo al dem zum au etwas`},
	}
}
