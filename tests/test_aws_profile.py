"""What is read of profiles of AWS, and what comes before them."""

from __future__ import annotations

import pytest

from oso_processors import aws_profile
from oso_processors.errors import InvalidSetting

CREDENTIALS = """
[default]
aws_access_key_id = usual
aws_secret_access_key = hidden%1

[team]
aws_access_key_id = theirs
aws_secret_access_key = secret
aws_session_token = token
"""
CONFIG = """
[default]
region = eu-west-1

[profile team]
region = eu-central-1
endpoint_url = https://store.example.org
s3 =
  max_concurrent_requests = 20

[profile login]
sso_session = team
"""


@pytest.fixture
def environ(tmp_path):
    """The environment of somebody with both files."""
    (tmp_path / "credentials").write_text(CREDENTIALS)
    (tmp_path / "config").write_text(CONFIG)
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }


def test_without_a_name_the_default_is_used(environ):
    assert aws_profile.options(environ) == {
        "access_key_id": "usual",
        "secret_access_key": "hidden%1",
        "region": "eu-west-1",
    }


def test_a_name_chooses_a_profile_of_both_files(environ):
    assert aws_profile.options({**environ, "AWS_PROFILE": "team"}) == {
        "access_key_id": "theirs",
        "secret_access_key": "secret",
        "session_token": "token",
        "region": "eu-central-1",
        "endpoint": "https://store.example.org",
    }


def test_what_the_environment_says_comes_first(environ):
    mine = {"AWS_ACCESS_KEY_ID": "mine", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://x"}

    assert aws_profile.options({**environ, **mine, "AWS_PROFILE": "team"}) == {}


def test_where_there_are_no_files_the_library_looks_for_itself(tmp_path):
    nowhere = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }

    assert aws_profile.options(nowhere) == {}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("teem", "AWS_PROFILE: 'teem': is no profile in ~/.aws/config or credentials"),
        (
            "login",
            "AWS_PROFILE: 'login': has no keys in ~/.aws; log in, and run:"
            ' eval "$(aws configure export-credentials --profile login --format env)"',
        ),
    ],
)
def test_a_profile_that_cannot_be_used_is_one_clear_line(environ, name, problem):
    with pytest.raises(InvalidSetting) as caught:
        aws_profile.options({**environ, "AWS_PROFILE": name})

    assert str(caught.value) == problem


def test_a_file_that_cannot_be_read_is_one_clear_line(environ, tmp_path):
    (tmp_path / "credentials").write_text("aws_access_key_id = nowhere")

    with pytest.raises(InvalidSetting) as caught:
        aws_profile.options(environ)

    assert str(tmp_path / "credentials") in str(caught.value)
    assert "\n" not in str(caught.value)
