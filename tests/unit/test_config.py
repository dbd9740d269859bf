from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from esplan.config import checked_url, cloud_url, environment, other, settings
from esplan.errors import InvalidInput, UsageError

CONFIG = """\
version: 1
environments:
  dev: {url: "http://localhost:9200", vars: {prefix: dev, replicas: 0, big: true}}
  prod:
    url: https://search.example
    cluster_uuid: abc
    ca_certs: certs/ca.pem
  bare: {}
"""


VARIABLE_RULE = "letters, digits, _ . and - only, and a letter or _ first"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "esplan.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_the_environment_gives_url_variables_and_uuid(config: Path) -> None:
    dev = settings(None, "dev", {"ESPLAN_URL": "http://other"})
    assert dev.connected().url == "http://localhost:9200"
    assert dev.variables == {"prefix": "dev", "replicas": "0", "big": "true"}
    assert dev.environment == "dev"
    prod = settings(None, "prod", {}, config=config)
    assert prod.connected().url == "https://search.example:443"
    assert prod.connected().ca_certs == str(config.parent / "certs/ca.pem")
    assert (prod.cluster_uuid, prod.variables) == ("abc", {})


@pytest.mark.usefixtures("config")
def test_the_url_of_the_option_comes_first_and_that_of_the_variable_last() -> None:
    environ = {"ESPLAN_URL": "http://last:1"}
    assert settings("http://first:1", "dev", environ).connected().url == "http://first:1"
    assert settings(None, "bare", environ).connected().url == "http://last:1"
    assert settings(None, None, environ).connected().url == "http://last:1"
    environ["ESPLAN_CA_CERTS"] = "mine.pem"
    assert settings(None, "prod", environ).connected().ca_certs == "mine.pem"


def test_no_cluster_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = settings(None, None, {"ESPLAN_URL": ""})
    assert (found.connection, found.variables) == (None, None)
    with pytest.raises(UsageError, match="no cluster was named") as caught:
        found.connected()
    assert "--url" in caught.value.remedy
    assert caught.value.exit_code == 64


@pytest.mark.usefixtures("config")
def test_an_unknown_environment_has_its_nearest_name() -> None:
    with pytest.raises(UsageError, match="there is no environment prd") as caught:
        environment("prd")
    assert caught.value.remedy == 'did you mean "prod"?'
    with pytest.raises(UsageError) as caught:
        environment("zzz")
    assert caught.value.remedy == "known are: bare, dev, prod"


def test_an_environment_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no environment dev") as caught:
        environment("dev")
    assert caught.value.why == "no file esplan.yaml"
    with pytest.raises(InvalidInput) as invalid:
        environment(None, config=Path("other.yaml"))
    assert str(invalid.value.diagnostics[0]) == "other.yaml:1:1: there is no such file"


def test_a_wrong_configuration_has_diagnostics(config: Path) -> None:
    config.write_text("version: 1\nenvironments:\n  dev: {urls: x, vars: {a b: 1}}\n")
    with pytest.raises(InvalidInput) as caught:
        environment("dev")
    assert [str(diagnostic) for diagnostic in caught.value.diagnostics] == [
        'esplan.yaml:3:9: unknown key "urls" in "dev"; did you mean "url"?',
        f'esplan.yaml:3:25: "a b" is no valid variable name: {VARIABLE_RULE}',
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a", "http://a:80"),
        ("https://a/", "https://a:443"),
        ("HTTPS://A.b:9200/es/", "https://a.b:9200/es"),
        ("http://[::1]:9200", "http://[::1]:9200"),
        (" http://a:0 ", "http://a:0"),
    ],
)
def test_a_url_without_a_port_has_that_of_its_scheme(url: str, expected: str) -> None:
    assert checked_url(url, "--url") == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:9200", "has no scheme or no host"),
        ("a", "has no scheme or no host"),
        ("ftp://a", "has no scheme or no host"),
        ("http://", "has no scheme or no host"),
        ("http://a:99999", "is not valid"),
        ("http://a:b", "is not valid"),
        ("http://[::1", "is not valid"),
        ("http://a/?x=1", "ends in ? or #"),
        ("http://me%3Ahush%40a", "is not valid"),
        ("http://a b", "is not valid"),
    ],
)
def test_a_wrong_url_is_told_with_the_remedy(url: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_url(url, "ESPLAN_URL")
    assert message in caught.value.what
    assert (caught.value.where, caught.value.remedy) == (
        "ESPLAN_URL",
        "write it as https://host:9200",
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hush@a",
        "https://hush@a:9200",
        "me:hush@a:9200",
        "https://me:hu#sh@a",
        "https://me:hush@a:b",
        "https://a/?api_key=hush",
        "https://me:hush@[::1",
        "//me:hush@a",
        "me:hush%40a",
        "a?api_key=hush",
    ],
)
def test_a_url_with_credentials_is_refused_and_not_repeated(
    url: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(f"version: 1\nenvironments: {{dev: {{url: '{url}'}}}}\n", encoding="utf-8")
    monkeypatch.chdir(config.parent)
    for given in ((url, None, {}), (None, "dev", {}), (None, None, {"ESPLAN_URL": url})):
        with pytest.raises(UsageError) as caught:
            settings(*given)
        assert "hu" not in str(caught.value).replace("the cluster's", "")
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


URL = "http://localhost:9200"


def connect(tmp_path: Path, **environ: str) -> object:
    return settings(URL, None, {f"ESPLAN_{k}": v.format(tmp_path) for k, v in environ.items()})


def test_credentials_come_from_variables_or_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hush\n", encoding="utf-8")
    found = settings(URL, None, {"ESPLAN_API_KEY_FILE": str(tmp_path / "key")})
    assert found.connected().api_key == "hush"
    both = {"ESPLAN_USERNAME": "me", "ESPLAN_PASSWORD_FILE": str(tmp_path / "key")}
    assert settings(URL, None, both).connected().password == "hush"
    plain = {"ESPLAN_USERNAME": "me", "ESPLAN_PASSWORD": " hush "}
    assert settings(URL, None, plain).connected().password == " hush "
    for environ in (both, plain):
        assert "hush" not in repr(settings(URL, None, environ))
    client = {"ESPLAN_CLIENT_CERT": "c.pem", "ESPLAN_CLIENT_KEY": "k.pem"}
    assert settings(URL, None, client).connected().client_key == "k.pem"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"USERNAME": "me"}, "ESPLAN_USERNAME is set, but no password"),
        ({"PASSWORD": "hush"}, "a password is set, but no user name"),
        (
            {"API_KEY": "hush", "USERNAME": "me", "PASSWORD": "hush"},
            "there are two credentials: an API key and a user name",
        ),
        ({"CLIENT_KEY": "hush"}, "ESPLAN_CLIENT_KEY is set, but no certificate"),
        (
            {"API_KEY": "hush", "API_KEY_FILE": "x"},
            "both ESPLAN_API_KEY and ESPLAN_API_KEY_FILE are set",
        ),
        ({"API_KEY": "hu\nsh"}, "the value of ESPLAN_API_KEY has a line break or a control"),
        ({"API_KEY_FILE": "{}/none"}, "the file of ESPLAN_API_KEY_FILE cannot be read"),
        ({"API_KEY_FILE": "{}"}, "the file of ESPLAN_API_KEY_FILE cannot be read"),
        ({"API_KEY_FILE": "{}/empty"}, "the file of ESPLAN_API_KEY_FILE is empty"),
        ({"API_KEY_FILE": "{}/binary"}, "the file of ESPLAN_API_KEY_FILE is not text"),
    ],
)
def test_half_or_double_credentials_are_refused(
    environ: dict[str, str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError) as caught:
        connect(tmp_path, **environ)
    assert message in caught.value.what
    assert "hush" not in str(caught.value)


def test_validation_does_not_import_the_client(config: Path) -> None:
    code = (
        "import sys, pathlib; from esplan import config; from esplan.commands.validate import "
        "validate; validate([pathlib.Path('d.yaml')], config.environment('dev').variables); "
        "print(sorted({'elasticsearch', 'elastic_transport', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=config.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


CLOUD = "search:ZXVyb3BlLmV4YW1wbGUkYWJjZCRraWJhbmE="  # europe.example$abcd$kibana


def test_a_cloud_id_stands_for_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = "https://abcd.europe.example:443"
    assert settings(None, None, {"ESPLAN_CLOUD_ID": CLOUD}).connected().url == url
    given = settings(None, None, {"ESPLAN_URL": "http://other:1"}, cloud_id=CLOUD)
    assert given.connected().url == url
    text = f"version: 1\nenvironments: {{prod: {{cloud_id: '{CLOUD}'}}}}\n"
    (tmp_path / "esplan.yaml").write_text(text)
    assert settings(None, "prod", {"ESPLAN_URL": "http://other:1"}).connected().url == url
    assert settings("http://first:1", "prod", {}).connected().url == "http://first:1"
    with pytest.raises(UsageError, match="both --url and --cloud-id are given"):
        settings("http://first:1", None, {}, cloud_id=CLOUD)


def test_the_host_of_a_cloud_id_may_have_a_port() -> None:
    import base64

    made = base64.b64encode(b"europe.example:9243$abcd").decode()
    assert cloud_url(f"a:b:{made}", "--cloud-id") == "https://abcd.europe.example:9243"


@pytest.mark.parametrize("wrong", ["x", "name:!!", "name:YQ==", "name:JGFiYw==", "name:w7w="])
def test_a_cloud_id_that_is_none(wrong: str) -> None:
    with pytest.raises(UsageError, match="the cloud id is not valid") as caught:
        cloud_url(wrong, "ESPLAN_CLOUD_ID")
    assert caught.value.where == "ESPLAN_CLOUD_ID"


def test_insecure_is_never_a_default_and_never_a_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "https://es.example"
    assert settings(url, None, {}).connected().insecure is False
    assert settings(url, None, {}, insecure=True).connected().insecure is True
    for text, value in {"1": True, "true": True, "0": False, "": False}.items():
        assert settings(url, None, {"ESPLAN_INSECURE": text}).connected().insecure is value
    with pytest.raises(UsageError, match="ESPLAN_INSECURE is neither 1 nor 0"):
        settings(url, None, {"ESPLAN_INSECURE": "maybe"})


# Credentials' variables

NAMED = """\
version: 1
environments:
  key: {url: "http://k:1", credentials: {api_key: PROD_ES_KEY}}
  pair: {url: "http://p:1", credentials: {username: PPTE_USER, password: PPTE_PASSWORD}}
  cert: {url: "https://c:1", credentials: {client_cert: C_CERT, client_key: C_KEY}}
  both: {url: "http://b:1", credentials: {api_key: B_KEY, username: B_USER, password: B_PASSWORD}}
"""


@pytest.fixture
def named(config: Path) -> None:
    config.write_text(NAMED, encoding="utf-8")


@pytest.mark.usefixtures("named")
def test_an_environment_names_the_variables_of_its_credentials(tmp_path: Path) -> None:
    environ = {"PROD_ES_KEY": "k\n", "ESPLAN_API_KEY": "dev", "ESPLAN_USERNAME": "u"}
    found = settings(None, "key", environ).connected()
    assert (found.api_key, found.username) == ("k", "")
    assert found.variable("api_key") == "PROD_ES_KEY"
    environ = {"PPTE_USER": "me", "PPTE_PASSWORD_FILE": str(tmp_path / "p"), "ESPLAN_API_KEY": "x"}
    (tmp_path / "p").write_text("secret\n")
    found = settings(None, "pair", environ).connected()
    assert (found.api_key, found.username, found.password) == ("", "me", "secret")
    environ = {"C_CERT": "c.pem", "C_KEY": "k.pem", "ESPLAN_CLIENT_CERT": "other.pem"}
    found = settings(None, "cert", environ).connected()
    assert (found.client_cert, found.client_key) == ("c.pem", "k.pem")


@pytest.mark.usefixtures("named")
def test_those_of_another_cluster_are_not_taken_in_their_place() -> None:
    with pytest.raises(UsageError, match="credentials of the environment key are not") as caught:
        settings(None, "key", {"ESPLAN_API_KEY": "dev"})
    assert caught.value.why == "esplan.yaml names PROD_ES_KEY: not set"
    assert "ESPLAN_API_KEY and the others are not used" in caught.value.remedy
    with pytest.raises(UsageError, match="PPTE_USER is set, but no password") as caught:
        settings(None, "pair", {"PPTE_USER": "u"})
    assert caught.value.remedy == "set PPTE_PASSWORD or PPTE_PASSWORD_FILE"
    with pytest.raises(UsageError, match="no user name") as caught:
        settings(None, "pair", {"PPTE_PASSWORD": "p"})
    assert caught.value.remedy == "set PPTE_USER"
    with pytest.raises(UsageError, match="there are two credentials") as caught:
        settings(None, "both", {"B_KEY": "k", "B_USER": "u", "B_PASSWORD": "p"})
    assert caught.value.remedy == "unset B_KEY or B_USER"
    with pytest.raises(UsageError, match="C_KEY is set, but no certificate"):
        settings(None, "cert", {"C_KEY": "k"})


@pytest.mark.usefixtures("named")
def test_another_cluster_is_copied_from_with_its_own() -> None:
    environ = {"PROD_ES_KEY": "k", "ESPLAN_FROM_API_KEY": "other"}
    assert other("key", environ).connection.api_key == "k"


@pytest.mark.parametrize(
    "wrong",
    [
        "credentials: VnVhQ2ZHY0J",
        "credentials: [VnVhQ2ZHY0J]",
        "credentials: {api_key: VnVhQ2ZHY0J}",
        "credentials: {api_key: VnVhQ2ZHY0JDZGJrUW0VnVhQ2ZHY0JDZGJrUW0VnVhQ2ZHY0JDZGJrUW0VnVh}",
        "credentials: {username: A, password: [VnVhQ2ZHY0J]}",
        "credentials: {username: A, password: VnVhQ2ZHY0J=}",
        "api_key: VnVhQ2ZHY0J",
    ],
)
def test_a_secret_in_the_file_is_an_error_that_does_not_repeat_it(config: Path, wrong: str) -> None:
    config.write_text(f"version: 1\nenvironments:\n  prod: {{{wrong}}}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        environment("prod")
    assert caught.value.diagnostics
    assert "VnVhQ2ZHY0J" not in "".join(map(str, caught.value.diagnostics))


def test_a_rule_that_leaving_the_environment_out_would_end(config: Path) -> None:
    config.write_text("version: 1\nenvironments:\n  prod: {protect: true}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        environment("prod")
    message = 'the key "cluster_uuid" is missing in "prod": "protect" needs it'
    assert [one.message for one in caught.value.diagnostics] == [message]
