"""What is dangerous about a connection, and what to do about one that does not come about."""

from __future__ import annotations

import pytest

from esplan.connection import Connection, is_loopback, remedy, sign_in


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:9200", True),
        ("http://127.0.0.2:9200", True),
        ("http://[::1]:9200", True),
        ("http://es.example:9200", False),
        ("http://10.0.0.1:9200", False),
        ("http://localhost.example:9200", False),
    ],
)
def test_credentials_over_http_are_a_warning_but_on_this_machine(
    url: str, *, loopback: bool
) -> None:
    assert is_loopback(url) is loopback
    assert list(Connection(url).warnings()) == []
    warnings = list(Connection(url, api_key="k").warnings())
    assert len(warnings) == (not loopback)
    assert all(f"the credentials go to {url} UNENCRYPTED" in one for one in warnings)
    encrypted = Connection(url.replace("http", "https"), username="u", password="p")
    assert list(encrypted.warnings()) == []


def test_insecure_is_a_warning_that_names_the_way_out() -> None:
    made = Connection("https://es.example:9200", variables="ESPLAN_FROM", insecure=True)
    (warning,) = made.warnings()
    assert "https://es.example:9200 is NOT checked (insecure)" in warning
    assert warning.endswith("Set ESPLAN_FROM_CA_CERTS instead.")


def test_the_certificate_is_checked_unless_somebody_says_otherwise() -> None:
    import ssl

    url = "https://es.example:9200"
    checked = Connection(url).client_options()["ssl_context"]
    assert (checked.verify_mode, checked.check_hostname) == (ssl.CERT_REQUIRED, True)
    taken = Connection(url, insecure=True).client_options()["ssl_context"]
    assert (taken.verify_mode, taken.check_hostname) == (ssl.CERT_NONE, False)
    assert "ssl_context" not in Connection("http://es.example:9200").client_options()


def test_a_given_authority_takes_the_place_of_the_systems(tmp_path: object) -> None:
    import trustme

    file = f"{tmp_path}/ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    context = Connection("https://es.example:1", ca_certs=file).client_options()["ssl_context"]
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("Hostname mismatch, certificate is not valid for 'x'", "use a name in --url"),
        ("self-signed certificate in certificate chain", "set ESPLAN_FROM_CA_CERTS"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]", "ESPLAN_FROM_CLIENT_CERT"),
        ("[SSL: WRONG_VERSION_NUMBER]", "does not speak TLS"),
        ("Remote end closed connection without response", ""),
    ],
)
def test_the_remedy_names_the_variables_of_that_cluster(why: str, said: str) -> None:
    found = remedy(Connection("https://es.example:1", variables="ESPLAN_FROM"), why)
    assert said in found
    assert bool(said) is bool(found)


def test_what_to_check_depends_on_how_one_signs_in() -> None:
    url = "https://es.example:1"
    assert sign_in(Connection(url)).startswith("set ESPLAN_API_KEY, or")
    assert sign_in(Connection(url, api_key="k")).startswith("check ESPLAN_API_KEY")
    assert sign_in(Connection(url, username="u")) == "check ESPLAN_USERNAME and ESPLAN_PASSWORD"
