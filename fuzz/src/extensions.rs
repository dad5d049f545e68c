//! A second reader of Sec-WebSocket-Extensions (RFC 6455 9.1, RFC 7692 7.1). It has each line as a whole and splits it at
//! its commas, semicolons and equals signs; nothing in it is shared with `sockhop::http`.

use sockhop::http::DeflateOffer;
use sockhop::protocol::{ContextTakeover, Extension};

/// The parameters of permessage-deflate, as they were offered or answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    pub server_max_window_bits: Option<u8>,
    /// Without a value it is `Some(None)`.
    pub client_max_window_bits: Option<Option<u8>>,
}

/// Its name, and the names and values of its parameters.
type Element = (String, Vec<(String, Option<String>)>);

/// What all lines of a header list; `None`: they do not conform.
fn elements(lines: &[&str]) -> Option<Vec<Element>> {
    let text = lines.join(",");
    let elements = text.split(',').map(trim).filter(|element| !element.is_empty()).map(|element| {
        let mut parts = element.split(';').map(trim);
        let name = token(parts.next()?)?;
        let params = parts.map(|param| match param.split_once('=') {
            Some((name, value)) => Some((token(trim(name))?, Some(value_of(trim(value))?))),
            None => Some((token(param)?, None)),
        });
        Some((name, params.collect::<Option<_>>()?))
    });
    let elements: Vec<_> = elements.collect::<Option<_>>()?;
    (lines.is_empty() || !elements.is_empty()).then_some(elements)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn token(text: &str) -> Option<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (!text.is_empty() && text.chars().all(is_token)).then(|| text.to_owned())
}

/// A token, or a string that says one.
fn value_of(text: &str) -> Option<String> {
    let Some(quoted) = text.strip_prefix('"') else { return token(text) };
    let (mut value, mut is_escaped) = (String::new(), false);
    for c in quoted.strip_suffix('"')?.chars() {
        is_escaped = c == '\\' && !is_escaped;
        if !is_escaped {
            value.push(c);
        }
    }
    if is_escaped { None } else { token(&value) }
}

/// 7.1: each parameter once, each with a value that it may have.
fn params(element: &Element) -> Option<Params> {
    let mut names: Vec<_> = element.1.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let mut read = Params::default();
    for (name, value) in &element.1 {
        let bits = (8..=15).find(|bits| value.as_ref() == Some(&u8::to_string(bits)));
        match (&name[..], value, bits) {
            ("server_no_context_takeover", None, _) => read.server_no_context_takeover = true,
            ("client_no_context_takeover", None, _) => read.client_no_context_takeover = true,
            ("server_max_window_bits", _, Some(bits)) => read.server_max_window_bits = Some(bits),
            ("client_max_window_bits", None, _) => read.client_max_window_bits = Some(None),
            ("client_max_window_bits", _, Some(bits)) => read.client_max_window_bits = Some(Some(bits)),
            _ => return None,
        }
    }
    (names.len() == element.1.len()).then_some(read)
}

impl Params {
    /// The offer that a server takes: the first that it can keep. `None`: the lines are no list of extensions.
    pub fn first_kept(lines: &[&str]) -> Option<Option<Self>> {
        let elements = elements(lines)?;
        let offers = elements.iter().filter(|(name, _)| name == "permessage-deflate").filter_map(params);
        // zlib has no window of 8 bits.
        Some(offers.into_iter().find(|offer| offer.server_max_window_bits != Some(8)))
    }

    /// The answer to an offer that a client of ours makes: permessage-deflate, or nothing. `None`: the lines are no such
    /// answer.
    pub fn only(lines: &[&str]) -> Option<Option<Self>> {
        match &elements(lines)?[..] {
            [] => Some(None),
            [element] if element.0 == "permessage-deflate" => params(element).map(Some),
            _ => None,
        }
    }

    /// Whether this answers that offer (RFC 7692 7.1), and says what the server wants, as far as it may.
    pub fn answers(&self, offer: &Params, terms: &DeflateOffer) -> bool {
        let client_bits = self.client_max_window_bits.map(|bits| bits.unwrap_or(99));
        let may_choose = offer.client_max_window_bits.is_some();
        let most = offer.client_max_window_bits.flatten().unwrap_or(15);
        let at_most = |bits: u8| bits.min(terms.server_max_window_bits.clamp(9, 15));
        // 7.1.1.1: said where it was asked for, and only there.
        self.server_no_context_takeover == offer.server_no_context_takeover
            // 7.1.1.2
            && self.client_no_context_takeover
                == (offer.client_no_context_takeover || terms.client_context == ContextTakeover::No)
            // 7.1.2.1: as above.
            && self.server_max_window_bits == offer.server_max_window_bits.map(at_most)
            && self.server_max_window_bits.is_none_or(|bits| (9..=15).contains(&bits))
            // 7.1.2.2
            && client_bits.is_none_or(|bits| may_choose && bits <= most)
            && (!may_choose || client_bits.unwrap_or(15) == most.min(terms.client_max_window_bits.clamp(9, 15)))
    }

    /// Whether a server that has answered so, and has these terms, may compress like that.
    pub fn allows(&self, does: Extension, terms: &DeflateOffer) -> bool {
        let told =
            self.agreed(&DeflateOffer { client_context: ContextTakeover::Yes, client_max_window_bits: 15, ..*terms });
        let is_none = told.server_context == ContextTakeover::No || terms.server_context == ContextTakeover::No;
        (does.client_context, does.client_max_window_bits) == (told.client_context, told.client_max_window_bits)
            && (does.server_context == ContextTakeover::No) == is_none
            && does.server_max_window_bits == told.server_max_window_bits.min(terms.server_max_window_bits.clamp(9, 15))
    }

    /// Whether a client that has offered these terms can take the answer.
    pub fn is_acceptable(&self, terms: &DeflateOffer) -> bool {
        let (server_most, most) =
            (terms.server_max_window_bits.clamp(9, 15), terms.client_max_window_bits.clamp(9, 15));
        (terms.server_context == ContextTakeover::Yes || self.server_no_context_takeover)
            && self.server_max_window_bits.unwrap_or(15) <= server_most
            && self.client_max_window_bits.is_none_or(|bits| bits.is_some_and(|bits| (9..=most).contains(&bits)))
    }

    /// What both sides keep after this answer; a client that would keep to less keeps to that.
    pub fn agreed(&self, terms: &DeflateOffer) -> Extension {
        let context = |is_none| if is_none { ContextTakeover::No } else { ContextTakeover::Yes };
        let is_none = self.client_no_context_takeover || terms.client_context == ContextTakeover::No;
        Extension {
            server_context: context(self.server_no_context_takeover),
            client_context: context(is_none),
            server_max_window_bits: self.server_max_window_bits.unwrap_or(15),
            client_max_window_bits: self
                .client_max_window_bits
                .flatten()
                .unwrap_or(terms.client_max_window_bits.clamp(9, 15)),
        }
    }

    /// What a client offers so.
    pub fn terms(&self) -> DeflateOffer {
        let context = |is_none| if is_none { ContextTakeover::No } else { ContextTakeover::Yes };
        DeflateOffer {
            server_context: context(self.server_no_context_takeover),
            client_context: context(self.client_no_context_takeover),
            server_max_window_bits: self.server_max_window_bits.unwrap_or(15),
            client_max_window_bits: self.client_max_window_bits.flatten().unwrap_or(15),
        }
    }
}
