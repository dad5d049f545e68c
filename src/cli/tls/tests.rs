use super::*;
use crate::Config;
use crate::cli::args::{self, Asked};
use crate::cli::plan::Plan;

fn plan(line: &str) -> Result<Option<TlsPlan>, String> {
    let words: Vec<_> = line.split_whitespace().map(|word| if word == "''" { "" } else { word }).collect();
    match args::parse(&words[..])? {
        Asked::Server(args) => Plan::new(*args, &|_| None, Config::default()).map(|plan| plan.tls),
        _ => panic!("{line}"),
    }
}

#[test]
fn without_its_flags_there_is_no_tls() {
    assert_eq!(plan("chat 9000 -l http:8080").map_err(|_| ()), Err(()), "two ways to give addresses");
    for line in ["chat", "chat -l http:8080", "-l 1 -l unix:/s"] {
        assert_eq!(plan(line), Ok(None), "{line}");
    }
}

#[test]
fn a_build_that_does_not_speak_tls_refuses_its_flags_and_says_how_to_get_one_that_does() {
    for flag in [
        "--tls-cert c --tls-key k",
        "--tls-key k",
        "--tls-min 1.3",
        "--tls-client-ca c",
        "--tls-client-ca-optional",
        "--redirect 80",
    ] {
        let refused = plan(&format!("chat {flag}")).err();
        let name = flag.split(' ').next().unwrap_or_default();
        match AVAILABLE {
            false => assert_eq!(refused, Some(format!("{name}: {NO_TLS}"))),
            true => assert!(refused.is_none_or(|error| !error.contains(NO_TLS)), "{flag}"),
        }
    }
}

#[cfg(feature = "tls")]
mod speaking {
    use super::*;

    #[test]
    fn its_flags_make_a_plan() {
        let pair = |cert: &str, key: &str| TlsPair { cert: cert.into(), key: key.into() };
        let one = TlsFiles { pairs: vec![pair("c", "k")], ..TlsFiles::default() };
        let clients = |are_optional| Some(TlsClients { authorities: "ca".into(), are_optional });
        let cases = [
            ("", one.clone(), &[][..]),
            ("--tls-min 1.2", one.clone(), &[]),
            ("--tls-min=1.3", TlsFiles { min_version: TlsVersion::V1_3, ..one.clone() }, &[]),
            ("--tls-client-ca ca", TlsFiles { clients: clients(false), ..one.clone() }, &[]),
            ("--tls-client-ca ca --tls-client-ca-optional", TlsFiles { clients: clients(true), ..one.clone() }, &[]),
            (
                "--tls-key k2 --tls-cert c2",
                TlsFiles { pairs: vec![pair("c", "k"), pair("c2", "k2")], ..TlsFiles::default() },
                &[],
            ),
            ("--redirect 0.0.0.0:80 --redirect http:81", one, &["0.0.0.0:80", "http:127.0.0.1:81"]),
        ];
        for (flags, files, redirect) in cases {
            let redirect = redirect.iter().map(|it| (*it).to_owned()).collect();
            let line = format!("chat 8443 --tls-cert c --tls-key k {flags}");
            assert_eq!(plan(&line), Ok(Some(TlsPlan { files, redirect })), "{line}");
        }
    }

    #[test]
    fn a_wrong_combination_is_refused_with_the_right_one() {
        let pair = "--tls-cert c --tls-key k";
        let cases = [
            ("--tls-cert c", "1 --tls-cert and 0 --tls-key: give each certificate its key, in the same order"),
            ("--tls-key k", "0 --tls-cert and 1 --tls-key: give each certificate its key, in the same order"),
            (&format!("{pair} --tls-cert d"), "2 --tls-cert and 1 --tls-key: give each certificate its key"),
            ("--tls-min 1.3", "--tls-min is about TLS: it goes with --tls-cert FILE and --tls-key FILE"),
            ("--tls-client-ca c", "--tls-client-ca is about TLS: it goes with --tls-cert FILE"),
            ("--tls-client-ca-optional", "--tls-client-ca-optional is about TLS: it goes with --tls-cert FILE"),
            ("--redirect 80", "--redirect is about TLS: it goes with --tls-cert FILE"),
            (&format!("{pair} --tls-client-ca-optional"), "--tls-client-ca-optional goes with --tls-client-ca FILE"),
            (&format!("{pair} --tls-min 1.1"), "--tls-min: `1.1` is not spoken here: write 1.2 or 1.3"),
            (&format!("{pair} --tls-min TLSv1.3"), "--tls-min: `TLSv1.3` is not spoken here: write 1.2 or 1.3"),
            (&format!("{pair} --redirect unix:/s"), "--redirect: `unix:/s`: browsers reach no Unix-domain socket"),
            (&format!("{pair} --redirect x"), "--redirect: `x` is not an address"),
            (&format!("{pair} -l http:80 -l unix:/s"), "--tls-cert: no address speaks TLS"),
            (
                &format!("{pair} -l https:443"),
                "--listen: `https:443` is not an address: with --tls-cert, 443 speaks TLS",
            ),
            ("--tls-cert '' --tls-key k", "--tls-cert: the name of the file is empty"),
            ("--tls-cert c --tls-key=", "--tls-key: the name of the file is empty"),
            (&format!("{pair} --tls-client-ca="), "--tls-client-ca: the name of the file is empty"),
        ];
        for (line, expected) in cases {
            let error = plan(line).expect_err(line);
            assert!(error.starts_with(expected), "{line}: {error}");
        }
    }

    #[test]
    fn an_error_is_blamed_on_the_flag_of_its_file() {
        let files = TlsFiles {
            pairs: vec![TlsPair { cert: "c".into(), key: "k".into() }, TlsPair { cert: "b".into(), key: "b".into() }],
            clients: Some(TlsClients { authorities: "ca".into(), are_optional: false }),
            ..TlsFiles::default()
        };
        let cases = [
            (TlsError::NotBase64("c".into()), CERT),
            (TlsError::NotBase64("k".into()), KEY),
            (TlsError::NotBase64("ca".into()), CLIENT_CA),
            (TlsError::NoCertificate("ca".into()), CLIENT_CA),
            // The one file has both.
            (TlsError::NoCertificate("b".into()), CERT),
            (TlsError::NoKey("b".into()), KEY),
            (TlsError::OtherKey(files.pairs[0].clone(), String::new()), KEY),
            (TlsError::WrongOrder(files.pairs[0].clone(), 2), CERT),
        ];
        for (error, expected) in cases {
            assert_eq!(flag(&files, &error), expected, "{error}");
        }
    }
}
