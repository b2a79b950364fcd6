"""Forms are read from a page as a browser would submit them."""

from local.demo_provider.html_forms import Button, parse_forms

PAGE = """
<form action="/search"><input name="q"></form>
<form action="/login?next=%2Fa&amp;b=1" METHOD="POST">
  <input type="hidden" name="csrf" value="a&quot;b">
  <input name="user"><input type="email" name="mail" value="x@example.org">
  <input type="password" name="pass">
  <input type="checkbox" name="remember" checked><input type="checkbox" name="spam" value="1">
  <input type="text" name="dead" disabled value="no"><input type="button" name="help" value="Help">
  <select name="lang"><option value="de">Deutsch</option><option value="en" selected>English</option></select>
  <textarea name="note"></textarea>
  <button type="button" name="toggle">Theme</button>
  <button name="answer" value="no">Cancel</button>
  <input type="submit" name="answer" value="Log in">
</form>
"""


def test_a_form_sends_what_a_browser_would_send_untouched() -> None:
    search, login = parse_forms(PAGE)
    assert (search.method, search.action) == ("get", "/search")
    assert (login.method, login.action) == ("post", "/login?next=%2Fa&b=1")
    assert login.values == {
        "csrf": 'a"b',
        "user": "",
        "mail": "x@example.org",
        "pass": "",
        "remember": "on",
        "lang": "en",
        "note": "",
    }
    assert (login.text_fields, login.password_fields) == (["user", "mail"], ["pass"])


def test_only_submitting_buttons_are_offered_with_their_words() -> None:
    assert parse_forms(PAGE)[1].buttons == [
        Button(name="answer", value="no", label="Cancel"),
        Button(name="answer", value="Log in", label="Log in"),
    ]


def test_a_page_without_forms_or_with_broken_markup_has_none() -> None:
    assert parse_forms("") == []
    assert parse_forms("<p>Sorry</p> <input name=x> </form> <button>") == []
