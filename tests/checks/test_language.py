from __future__ import annotations

import pytest

from makar.checks import applicable, load_checks, run
from makar.verdict import Subject, Verdict

[CHECK] = load_checks(["language"])
TEXTS = {
    "en": "The weather was fine this morning, so we walked to the harbour and watched the ships leave for the north.",
    "de": "Das Wetter war heute Morgen schön, also gingen wir zum Hafen und sahen den Schiffen nach, die abfuhren.",
    "fr": "Il faisait beau ce matin, alors nous sommes allés au port et avons regardé les navires partir vers le nord.",
    "es": "Esta mañana hacía buen tiempo, así que caminamos hasta el puerto y vimos salir los barcos hacia el norte.",
    "it": "Stamattina il tempo era bello, così siamo andati al porto e abbiamo guardato le navi partire verso nord.",
    "pt": "O tempo estava bom esta manhã, por isso caminhámos até ao porto e vimos os navios partirem para o norte.",
    "nl": "Het weer was vanochtend mooi, dus liepen we naar de haven en keken hoe de schepen naar zee vertrokken.",
    "pl": "Dziś rano pogoda była ładna, więc poszliśmy do portu i patrzyliśmy, jak statki odpływają na północ.",
    "tr": "Bu sabah hava güzeldi, bu yüzden limana yürüdük ve gemilerin kuzeye doğru ayrılışını izledik.",
    "ru": "Сегодня утром была хорошая погода, поэтому мы пошли в порт и смотрели, как корабли уходят на север.",
    "uk": "Сьогодні вранці була гарна погода, тому ми пішли до порту і дивилися, як кораблі відпливають на північ.",
    "zh": "今天早上天气很好，所以我们走到港口，看着船只向北驶去。",
    "ja": "今朝は天気が良かったので、私たちは港まで歩いて、船が北へ向かうのを見ました。",
    "ko": "오늘 아침 날씨가 좋아서 우리는 항구까지 걸어가 배들이 북쪽으로 떠나는 것을 보았다.",
    "ar": "كان الطقس جميلا هذا الصباح، لذلك مشينا إلى الميناء وشاهدنا السفن تغادر نحو الشمال.",
    "hi": "आज सुबह मौसम अच्छा था, इसलिए हम बंदरगाह तक चले और जहाजों को उत्तर की ओर जाते देखा।",
    "el": "Ο καιρός ήταν καλός σήμερα το πρωί, οπότε περπατήσαμε μέχρι το λιμάνι.",
}


def judge(text: str, language: str) -> Verdict:
    return CHECK.run(Subject(text, "text/plain", {"language": language}))


@pytest.mark.parametrize("asked", TEXTS)
def test_each_language_is_known_from_every_other(asked: str) -> None:
    assert [language for language, text in TEXTS.items() if judge(text, asked).passed] == [asked]


@pytest.mark.parametrize("text", ["", "Hello there", "42", "OK.", "```\nfor item in the_list: print(item)\n```",
                                  "https://en.wikipedia.org/wiki/The_quick_brown_fox_jumps_over_the_lazy_dog_again"])
def test_too_little_to_tell_abstains(text: str) -> None:
    verdict = judge(text, "fr")
    assert verdict.passed and "too little" in verdict.reason


def test_code_and_paths_do_not_count() -> None:
    code = "```python\n" + "for item in the_list_of_items: print(item, 'this is English text in code')\n" * 5 + "```"
    assert judge(TEXTS["de"] + "\n\n" + code, "de").passed


def test_the_lines_in_another_language_are_named() -> None:
    text = TEXTS["de"] + "\n\n" + TEXTS["en"]
    verdict = judge(text, "de-AT")
    assert not verdict.passed and 0 < verdict.score < 1
    assert [text[span.start:span.end] for span in verdict.spans] == [TEXTS["en"]]


def test_a_name_in_another_script_is_no_foreign_text() -> None:
    assert judge(TEXTS["zh"] + " (Makar Prose Company)", "zh").passed
    assert judge(TEXTS["en"] + " 北京", "en").passed


def test_only_when_asked_and_an_unknown_language_does_not_pass() -> None:
    assert not applicable(CHECK, Subject("x", "text/plain"))
    verdict = run(CHECK, Subject("x", "text/plain", {"language": "xx"}))
    assert not verdict.passed and "language 'xx': expected one of" in verdict.reason
