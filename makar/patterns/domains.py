"""Top-level domains that an address in ordinary text ends in."""

from __future__ import annotations

_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd "
    "cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge "
    "gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh "
    "ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw "
    "mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb "
    "sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk "
    "us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw рф")
_GENERIC = (
    "com org net edu gov mil int info biz name pro coop aero museum jobs mobi travel cat tel asia post arpa app dev "
    "page web online site website store shop blog cloud tech email systems solutions services software digital agency "
    "studio design media news live life world today group team company consulting support network technology academy "
    "school university education institute health care clinic hospital dental legal law finance financial bank money "
    "capital fund ventures partners global international center foundation church club fun games game love art music "
    "photography photos gallery film video tv radio social chat community city london berlin paris nyc tokyo "
    "amsterdam wien hamburg koeln cologne swiss scot wales irish bzh eus gal africa lat kiwi quebec vegas miami "
    "boston space zone host hosting domains press ink wiki guide tips xyz top icu vip win work works expert guru "
    "ninja rocks cool best one plus bio eco green energy solar farm garden kitchen restaurant cafe coffee bar pub "
    "wine beer pizza food recipes fit fitness yoga run bike golf football hockey horse dog pet toys kids baby family "
    "wedding fashion style boutique jewelry shoes clothing beauty salon hair makeup build builders construction house "
    "homes realestate rent property properties apartments estate land auto car cars taxi limo flights holiday tours "
    "voyage cruises hotel ltd llc inc gmbh limited enterprises industries holdings trade market markets marketing "
    "sale deals discount gift gifts cards fyi foo how ngo ong gmail google zip direct directory link click download "
    "stream москва онлайн сайт рус")
_KNOWN = frozenset((*_COUNTRIES.split(), *_GENERIC.split()))


def is_top_level(name: str) -> bool:
    """Whether this (lower case) is a country's or a commonly used generic top-level domain."""
    return name in _KNOWN or name.startswith("xn--")
