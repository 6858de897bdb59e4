"""What a model is asked to write while its marks are measured: prose at length, and what leaves little choice."""

from __future__ import annotations

PROSE = (
    "Write an essay about the sea.",
    "Write a story about a lighthouse keeper who finds a letter.",
    "Write a letter to an old friend about moving to another city.",
    "Describe a busy market in the early morning.",
    "Write a blog post about learning to cook.",
    "Explain why people keep diaries.",
    "Write a speech for the opening of a village library.",
    "Write a review of a hotel in the mountains.",
    "Tell a story about a dog that crosses a whole country.",
    "Write a long product description for a bamboo toothbrush.",
    "Write an article about the history of bicycles.",
    "Describe an imaginary planet and those who live on it.",
    "Write a travel report about three days in a harbour town.",
    "Write a short play in which two neighbours argue about a tree.",
    "Give advice to somebody who starts a new job.",
    "Write about the smell of rain.",
    "Write a newsletter of a small bakery.",
    "Explain how bees find their way home.",
    "Write a fairy tale about a clock that ran backwards.",
    "Discuss whether cities should have fewer cars.",
    "Describe an ideal workshop in detail.",
    "Write a monologue of an actor before the first night.",
    "Write an opinion piece about slow reading.",
    "Tell the story of a lost umbrella from its own point of view.",
)

PREDICTABLE = (
    "Write a Python function that checks whether a number is prime, and explain it line by line.",
    "List the planets of the solar system in order, with one fact each.",
    "Write a Python class for a stack with push, pop and peek.",
    "Write out the multiplication table of seven up to 30 times 7, one line each.",
    "Write an SQL script that makes the tables of a web shop.",
    "List the months of the year with their number of days, then the days of the week.",
    "Write a bash script that renames all .txt files of a folder to .md.",
    "Recite the numbers from one to one hundred in words.",
)
