"""The picture of the SID space: every SID has a dot, the reply's items their numbers, and nothing leaves the frame."""

import re

from neo.chat.parts import Card
from neo.chat.sid_map import HEIGHT, WIDTH, SidMap
from neo.sids.sid import Sid
from tests import tiny

QUANTIZER = tiny.book({"show": (2, 8)}).quantizers["show"]
SIDS = [Sid("show", (first, second)) for first in range(4) for second in range(5)]


def dots(html):
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.-]+) ([\d.-]+)h0", html)]


def test_every_sid_is_drawn_inside_the_frame_in_the_colour_of_its_first_code():
    html = SidMap(QUANTIZER, SIDS + SIDS).html((), "Podcast shows", "Map")
    assert len(dots(html)) == len(SIDS) and html.count("<path") == len(set(re.findall(r"hsl\(\d+", html))) == 4
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in dots(html))
    assert "20 SIDs" in html


def test_items_of_the_reply_are_marked_by_number_at_their_own_dot():
    known = Card(tiny.item('Serial"<b>', codes=(2, 3)), 7, 0.0)
    strangers = Card(tiny.item(codes=(7, 7)), 1, 0.0), Card(tiny.item(sid=None), 2, 0.0)
    html = SidMap(QUANTIZER, SIDS).html((known, *strangers), "Shows", "Map")
    alone = SidMap(QUANTIZER, SIDS)._places[Sid("show", (2, 3))]
    assert html.count("neo-mark") == 1 and ">7</text>" in html and "<b>" not in html
    assert f'cx="{alone[0]:.1f}" cy="{alone[1]:.1f}"' in html


def test_a_single_sid_has_a_picture_too():
    assert len(dots(SidMap(QUANTIZER, SIDS[:1]).html((), "Shows", "Map"))) == 1
