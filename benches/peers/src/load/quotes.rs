//! JSON as applications broadcast it: prices of shares, in which names repeat often and values seldom.

use super::script::Random;

const SYMBOLS: [&str; 8] = ["AAPL", "MSFT", "NVDA", "SAP", "TSLA", "ORCL", "INTC", "ASML"];

/// An object of exactly `len` bytes, at least 256.
pub fn write(len: usize, random: &mut Random) -> Vec<u8> {
    let mut text = format!(r#"{{"type":"quotes","sequence":{},"quotes":["#, random.below(1_000_000));
    loop {
        let quote = quote(random);
        if text.len() + quote.len() + r#"],"note":""}"#.len() > len {
            break;
        }
        text += &quote;
        text.push(',');
    }
    text.pop();
    text += r#"],"note":""#;
    // The rest of the length is shorter than a quote.
    while text.len() + 2 < len {
        text.push(char::from(b'a' + random.below(26) as u8));
    }
    text += r#""}"#;
    text.into_bytes()
}

fn quote(random: &mut Random) -> String {
    let symbol = SYMBOLS[random.below(SYMBOLS.len() as u32) as usize];
    let (price, cents, spread) = (10 + random.below(900), random.below(100), random.below(50));
    let (size, time) = (random.below(500) * 10, random.below(86_400_000));
    format!(r#"{{"symbol":"{symbol}","bid":{price}.{cents:02},"spread":0.{spread:02},"size":{size},"time":{time}}}"#)
}

#[cfg(test)]
mod tests {
    use crate::load::script::Script;
    use crate::workload::Content;

    #[test]
    fn each_object_has_the_wanted_length() {
        for len in [256, 1000, 1024, 4096] {
            let script = Script::new(len, Content::Json, 1);
            for message in 0..10 {
                let text = std::str::from_utf8(script.payload(message)).unwrap();
                assert!(text.len() == len && text.starts_with('{') && text.ends_with(r#""}"#), "{text}");
            }
            assert_ne!(script.payload(0), script.payload(1));
        }
    }
}
