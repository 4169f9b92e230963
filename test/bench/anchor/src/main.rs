//! Times a RegexSet with find_iter over texts, for comparison with the guards.
//!
//! `anchor PATTERNS` reads one regular expression a line, then file names on
//! standard input. For each it scans the whole file again and again for 200 ms
//! of processor time and answers with a line: bytes a second of the best round,
//! and how many matches a round has.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Duration;
use std::{env, fs, hint};

use cpu_time::ThreadTime;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

const TURN: Duration = Duration::from_millis(200);
const MEMORY: usize = 256 << 20;

struct Rules {
    set: RegexSet,
    each: Vec<Regex>,
}

impl Rules {
    fn read(file: &str) -> Result<Rules, Box<dyn Error>> {
        let text = fs::read_to_string(file)?;
        let patterns: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let set = RegexSetBuilder::new(&patterns).unicode(false).size_limit(MEMORY).dfa_size_limit(MEMORY).build()?;
        let each = patterns
            .iter()
            .map(|p| RegexBuilder::new(p).unicode(false).size_limit(MEMORY).build())
            .collect::<Result<_, _>>()?;
        Ok(Rules { set, each })
    }

    fn matches(&self, text: &[u8]) -> usize {
        self.set.matches(text).iter().map(|rule| self.each[rule].find_iter(text).count()).sum()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("usage: anchor PATTERNS")?;
    let rules = Rules::read(&file)?;
    for name in io::stdin().lock().lines() {
        let text = fs::read(name?)?;
        let (start, mut best, mut found) = (ThreadTime::now(), Duration::MAX, 0);
        while start.elapsed() < TURN {
            let round = ThreadTime::now();
            found = hint::black_box(rules.matches(hint::black_box(&text)));
            best = best.min(round.elapsed());
        }
        println!("{:.0} {}", text.len() as f64 / best.as_secs_f64(), found);
        io::stdout().flush()?;
    }
    Ok(())
}
