"""Names by which a prompt asks for the likeness of a real person: of some who are widely known, and how names look."""

from __future__ import annotations

import functools
import re

KNOWN = """
adele|albert einstein|alexandria ocasio-cortez|angela merkel|angelina jolie|anne hathaway|ariana grande|
arnold schwarzenegger|audrey hepburn|barack obama|benjamin netanyahu|bernie sanders|beyonce|beyoncé|bill clinton|
bill gates|billie eilish|boris johnson|brad pitt|britney spears|bruce lee|cardi b|charles chaplin|charlie chaplin|
chris evans|chris hemsworth|christopher walken|clint eastwood|conor mcgregor|cristiano ronaldo|daniel radcliffe|
david beckham|david bowie|david cameron|denzel washington|donald trump|drew barrymore|dua lipa|dwayne johnson|
ed sheeran|elizabeth warren|ellen degeneres|elon musk|elton john|elvis presley|emma stone|emma watson|emmanuel macron|
freddie mercury|gal gadot|george clooney|george w bush|george washington|giorgia meloni|greta thunberg|harrison ford|
harry styles|hillary clinton|hugh jackman|idris elba|jack black|jackie chan|jair bolsonaro|jeff bezos|
jennifer aniston|jennifer lawrence|jennifer lopez|jim carrey|jimmy fallon|jk rowling|j.k. rowling|joe biden|joe rogan|
john f kennedy|john lennon|johnny depp|julia roberts|justin bieber|justin trudeau|kamala harris|kanye west|
kate middleton|kate winslet|katy perry|keanu reeves|keir starmer|kendall jenner|kim jong un|kim jong-un|
kim kardashian|king charles iii|kobe bryant|kurt cobain|kylie jenner|lady gaga|larry page|lebron james|
leonardo dicaprio|lewis hamilton|lionel messi|liz truss|lula da silva|madonna|mahatma gandhi|malala yousafzai|
marilyn monroe|margot robbie|mark zuckerberg|martin luther king|matt damon|megan fox|meghan markle|melania trump|
meryl streep|michael jackson|michael jordan|michelle obama|miley cyrus|mike pence|mitch mcconnell|morgan freeman|
mother teresa|muhammad ali|nancy pelosi|naomi campbell|narendra modi|natalie portman|neil armstrong|nelson mandela|
neymar|nicki minaj|nicolas cage|nicole kidman|novak djokovic|olaf scholz|oprah winfrey|ozzy osbourne|paris hilton|
patrick stewart|paul mccartney|pope francis|pope leo xiv|post malone|prince harry|prince william|princess diana|
queen elizabeth|rafael nadal|recep tayyip erdogan|rihanna|rishi sunak|robert de niro|robert downey jr|robin williams|
roger federer|ronald reagan|rowan atkinson|ryan gosling|ryan reynolds|salma hayek|sam altman|samuel l jackson|
sandra bullock|satya nadella|scarlett johansson|selena gomez|serena williams|sergey brin|shakira|simone biles|
snoop dogg|stephen hawking|stephen king|steve jobs|steven spielberg|sundar pichai|sylvester stallone|taylor swift|
theresa may|tiger woods|tim cook|timothee chalamet|tom cruise|tom hanks|tom holland|tony blair|usain bolt|
viktor orban|vladimir putin|volodymyr zelensky|whoopi goldberg|will smith|winston churchill|woody allen|xi jinping|
zendaya
"""
"""Widely known people in lower case."""

GIVEN = """
Aaron Abigail Adam Adrian Ahmed Aisha Alan Albert Alex Alexander Alice Alison Amanda Amber Amy Ana Andrea Andrew
Angela Anita Ann Anna Anne Anthony Antonio Arthur Ashley Barbara Benjamin Beth Bill Bob Brandon Brenda Brian Bruce
Carl Carlos Carol Caroline Catherine Charles Charlotte Chen Chloe Chris Christian Christina Christine Christopher
Claire Craig Cynthia Daniel David Deborah Dennis Diana Diane Diego Donald Donna Dorothy Douglas Dylan Edward Elena
Elizabeth Ella Emily Emma Eric Ethan Eva Fatima Felix Fernando Frances Francis Frank Gabriel Gary George Gerald Grace
Greg Gregory Hannah Hans Harold Heather Helen Henry Ian Ibrahim Isabella Ivan Jack Jacob Jacqueline James Jan Jane
Janet Jason Jean Jeff Jeffrey Jennifer Jeremy Jessica Jim Joan Joe Johannes John Jonathan Jose Joseph Joshua Juan
Judith Judy Julia Julie Justin Karen Karl Katherine Kathleen Keith Kelly Kenneth Kevin Kimberly Klaus Kyle Larry Laura
Lauren Lawrence Lee Leo Linda Lisa Liam Louis Lucas Lucy Luis Margaret Maria Marie Mark Martha Martin Mary Mateo
Matthew Megan Mehmet Melissa Michael Michelle Miguel Mohammed Muhammad Nancy Natalie Nathan Nicholas Nicole Noah Nora
Oliver Olivia Omar Pablo Pamela Patricia Patrick Paul Pedro Peter Philip Priya Rachel Raj Ralph Raymond Rebecca
Richard Robert Roger Ronald Roy Russell Ruth Ryan Samantha Samuel Sandra Sara Sarah Scott Sean Sergei Sharon Shirley
Simon Sofia Sophia Sophie Stefan Stephanie Stephen Steve Steven Stuart Susan Teresa Theresa Thomas Tim Timothy Tom
Tyler Valentina Victor Victoria Vincent Virginia Walter Wang Wayne William Wolfgang Yusuf Zachary Zoe
""".split()  # noqa: SIM905  a list of that length is read in lines
"""Given names that are hardly words of their own."""

_MADE_UP = frozenset("""
alice wonderland|peter pan|peter rabbit|harry potter|charlie brown|jack frost|jack sparrow|tom sawyer|james bond|
bruce wayne|john doe|jane doe|mary poppins|simon says|victoria falls|victoria sponge|saint nicholas|jack russell|
lee enfield|jean jacket|grace period|roman numeral|george cross
""".replace("\n", "").split("|"))
_SURNAME = r"(?:[A-Z]\.\s?)?(?:(?:van|von|de|da|di|al|bin|Mc|Mac|O')[\s-]?)*[A-Z][\w'’-]+"


def named_in(prompt: str) -> str:
    """The name of a person that the prompt asks for, as it stands there; empty where none is recognised."""
    known = _known().search(prompt)
    if known is not None:
        return known[0]
    for found in _person().finditer(prompt):
        if " ".join(found[0].lower().split()) not in _MADE_UP:
            return found[0]
    return ""


@functools.cache
def _known() -> re.Pattern[str]:
    names = KNOWN.replace("\n", "").split("|")
    return re.compile(r"\b(?:" + "|".join(re.escape(name).replace(r"\ ", r"[\s_-]+") for name in names) + r")\b", re.I)


@functools.cache
def _person() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(GIVEN)})\s+{_SURNAME}")
