//! The flags that set one field of a recipe each.

use super::Setting;
use crate::apps::{On, Recipe, Reply, Stamp, To};
use crate::cli::values::{show_time, time};

/// All fields of a recipe except its subprotocols: `--subprotocol` also applies to several apps at once.
pub(in crate::cli) const RECIPE: &[Setting<Recipe>] = &[
    Setting {
        field: "greet",
        flag: "greet",
        value: "TEXT",
        help: "sent to each client when it connects",
        default: |recipe| recipe.greet.as_deref().unwrap_or("-").to_owned(),
        set: |recipe, text| {
            recipe.greet = (!text.is_empty()).then(|| text.to_owned().into());
            Ok(())
        },
    },
    Setting {
        field: "on",
        flag: "on",
        value: "WHICH",
        help: "the messages to reply to: any, json (objects) or text:ping\n(exactly this text)",
        default: |recipe| match &recipe.on {
            On::Any => "any".to_owned(),
            On::Text(text) => format!("text:{text}"),
            On::JsonObject => "json".to_owned(),
        },
        set: |recipe, text| set_on(&mut recipe.on, text),
    },
    Setting {
        field: "reply",
        flag: "reply",
        value: "TEXT",
        help: "the reply; {message} in it stands for the message",
        default: |recipe| match &recipe.reply {
            Reply::Same => "{message}".to_owned(),
            Reply::Text(text) | Reply::Template(text) => text.to_string(),
        },
        set: |recipe, text| {
            recipe.reply = Reply::parse(text);
            Ok(())
        },
    },
    Setting {
        field: "to",
        flag: "to",
        value: "WHOM",
        help: "who gets the reply: sender, all or others",
        default: |recipe| match recipe.to {
            To::Sender => "sender".to_owned(),
            To::All => "all".to_owned(),
            To::Others => "others".to_owned(),
        },
        set: |recipe, text| set_to(&mut recipe.to, text),
    },
    Setting {
        field: "after",
        flag: "after",
        value: "TIME",
        help: "the delay of the reply; 0: none",
        default: |recipe| show_time(recipe.after),
        set: |recipe, text| time(text).map(|time| recipe.after = time),
    },
    Setting {
        field: "stamp",
        flag: "stamp",
        value: "KEY",
        help: "with --on json: the key that gets the time of day",
        default: |recipe| recipe.stamp.as_ref().map_or("-", |stamp| &stamp.key).to_owned(),
        set: |recipe, text| {
            recipe.stamp = (!text.is_empty()).then(|| Stamp { key: text.to_owned().into() });
            Ok(())
        },
    },
];

fn set_on(on: &mut On, text: &str) -> Result<(), String> {
    *on = match (text, text.strip_prefix("text:")) {
        (_, Some(text)) => On::Text(text.to_owned().into()),
        ("any", _) => On::Any,
        ("json", _) => On::JsonObject,
        _ => return Err(format!("`{text}` is not a kind of message: write any, json or text:ping")),
    };
    Ok(())
}

fn set_to(to: &mut To, text: &str) -> Result<(), String> {
    *to = match text {
        "sender" => To::Sender,
        "all" => To::All,
        "others" => To::Others,
        _ => return Err(format!("`{text}` is not a recipient: write sender, all or others")),
    };
    Ok(())
}
