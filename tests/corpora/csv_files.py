"""Lists of members as other programs and people write them: wrong ones with the place a refusal must name, and cells
that a spreadsheet would take for a formula.

The programme of the tests counts points and, beside them, `credit` in złoty. Whole files are bytes, because the
encoding may be what is wrong; rows stand below the header that `ROWS` begins with.
"""

from __future__ import annotations

HEADER = "external_id;serial;name;email;phone;language;joined;birth_month;points;credit"

# A row, the field the refusal must name, and a word it must say.
ROWS = [
    (";;;;;;;;5;", "row", "No external_id"),
    (";;Anna;;;pl;;;5;", "row", "No external_id"),
    ("c-1;;Anna;;;;;;5;;surplus", "row", "11 cells"),
    ("c-1;;Anna;;;;;;-5;", "balance:points", "not below zero"),
    ("c-1;;Anna;;;;;;5,5;", "balance:points", "whole number"),
    ("c-1;;Anna;;;;;;5.05;", "balance:points", "whole number"),
    ("c-1;;Anna;;;;;;five;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;٥;", "balance:points", "digits 0 to 9"),
    ("c-1;;Anna;;;;;;\uff15;", "balance:points", "digits 0 to 9"),
    ("c-1;;Anna;;;;;;1e5;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;0x10;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;NaN;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;1,000,000;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;10000001;", "balance:points", "At most"),
    ("c-1;;Anna;;;;;;9999999999999;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;5 zł;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;#REF!;", "balance:points", "number"),
    ("c-1;;Anna;;;;;;;12,505", "balance:credit", "2 digits"),
    ("c-1;;Anna;;;;;;;-0,01", "balance:credit", "not below zero"),
    ("c-1;;Anna;;;;;;;100000000", "balance:credit", "At most"),
    (f"{'c' * 81};;Anna;;;;;;5;", "external_id", "80"),
    (f"c-1;;{'A' * 61};;;;;;5;", "name", "60"),
    (f"c-1;;{'A' * 1001};;;;;;5;", "name", "1000"),
    ("c-1;;An\x07na;;;;;;5;", "name", "cannot be seen"),
    ("c-1;;Anna\u202egpj;;;;;;5;", "name", "cannot be seen"),
    ("c-1;short;Anna;;;;;;5;", "serial", "8 to 40"),
    ("c-1;with spaces 1;Anna;;;;;;5;", "serial", "8 to 40"),
    ("c-1;СЕРИЯ-00001;Anna;;;;;;5;", "serial", "8 to 40"),
    ("c-1;../../etc/passwd;Anna;;;;;;5;", "serial", "8 to 40"),
    ("c-1;;Anna;anna;;;;;5;", "email", "e-mail"),
    ("c-1;;Anna;anna@@example.org;;;;;5;", "email", "e-mail"),
    ("c-1;;Anna;;12;;;;5;", "phone", "telephone"),
    ("c-1;;Anna;;not known;;;;5;", "phone", "telephone"),
    ("c-1;;Anna;;4.86E+10;;;;5;", "phone", "telephone"),
    ("c-1;;Anna;;;klingon;;;5;", "language", "en"),
    ("c-1;;Anna;;;de;;;5;", "language", "en"),
    ("c-1;;Anna;;;;yesterday;;5;", "joined", "day"),
    ("c-1;;Anna;;;;31.02.2025;;5;", "joined", "day"),
    ("c-1;;Anna;;;;2025-13-01;;5;", "joined", "day"),
    ("c-1;;Anna;;;;44561;;5;", "joined", "day"),
    ("c-1;;Anna;;;;;13;5;", "birth_month", "day"),
    ("c-1;;Anna;;;;;0;5;", "birth_month", "day"),
    ("c-1;;Anna;;;;;May;5;", "birth_month", "day"),
]

# A file and a word that the refusal of the whole must say.
FILES = [
    (b"", "1 byte"),
    (b"\n\n", "empty"),
    (b";;;\n1;2;3;4\n", "empty"),
    (b"\x00\x01\x02\x03;\xff\n", "no text"),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no text"),
    (b"PK\x03\x04\x14\x00\x06\x00\x08\x00;\n", "CSV"),
    (b"name;points\nAnna;5\n", "tells one member from another"),
    (b"email;e-mail;points\na@example.org;b@example.org;5\n", "Two columns"),
    (b"email;points;balance\na@example.org;5;5\n", "Two columns"),
    (b'email;points\n"a@example.org;5\n', "no CSV"),
    (b'email;points\n"a@example.org"x;5\n', "no CSV"),
    (b'email;"points\n', "cannot be read"),
    (b";".join([b"email", *(b"c%d" % n for n in range(60))]) + b"\n", "60 columns"),
    ("email;points\na@example.org;5\n".encode("utf-16")[:-1], "utf-16"),
]

FORMULAS = [
    start + rest + end
    for start in ("=", "+", "-", "@", "\t=", "\r=", " =", "\u00a0=", "＝", "＋")
    for rest in ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("https://evil.example","x")')
    for end in ("", "x")
]
