from catalog.check import check, near_duplicates, not_english
from catalog.tables import Item


def test_near_duplicates_share_a_type_and_a_maker(make_row):
    rows = [
        make_row("show", "Cautionary Tales", ["Tim Harford"]),
        make_row("show", "Cautionary Tale", ["Pushkin", "Tim Harford"]),
        make_row("audiobook", "Cautionary Tales", ["Tim Harford"]),
        make_row("show", "Cautionary Talos", ["Somebody Else"]),
        make_row("audiobook", "Henry IV, Part 1", ["William Shakespeare"]),
        make_row("audiobook", "Henry IV, Part 2", ["William Shakespeare"]),
    ]
    assert [(problem.where, problem.field) for problem in near_duplicates(rows)] == [("Cautionary Tale", "title")]


def test_a_description_in_another_language_is_found(make_row):
    spanish = "Un periodista vuelve a un pueblo de la costa para contar la historia de su abuelo y del mar."
    rows = [make_row("show", "Mar", ["Ada"], description=spanish), make_row("show", "Sea", ["Ada"])]
    found = [(problem.where, problem.remedy) for problem in not_english(rows)]
    assert found == [("Mar", "reads as es: write it in English")]


def test_a_sound_database_has_no_problems(small):
    assert check(small) == []


def test_a_database_s_faults_are_found_by_key(small):
    item = small.query(Item).filter_by(key="show:serial").one()
    item.language, item.description = "xx", "short"
    small.flush()
    assert {(problem.where, problem.field) for problem in check(small)} == {
        ("show:serial", "language"),
        ("show:serial", "description"),
    }


def test_dead_references_in_files(tmp_path):
    listens = "".join(f"  - show: Nothing {number}\n" for number in range(12))
    path = tmp_path / "listeners.yaml"
    path.write_text(f"- name: Zoe\n  about: Likes nothing.\n  interests: [law]\n  listens:\n{listens}")
    assert [problem.field for problem in check([path])] == ["listens"] * 12
