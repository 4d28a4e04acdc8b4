"""Reading recorded trades: our files, those of Binance's archive, and broken ones."""

import gzip
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from app.domain.recording import BadRecording, BadRow, Row, decimals, rows, summary, symbol_of

OURS = "1723161255342,BTC/USDT,61837.63,0.02,sell,7"
ROW = Row(1723161255342000, "BTC/USDT", Decimal("61837.63"), Decimal("0.02"), "sell", "7")
HEADER = "timestamp_ms,symbol,price,quantity,side,trade_id\n"
TRADES = "7,61837.63,0.02,1236.75,1723161255342,True"
AGGREGATES = "7,61837.63,0.02,11,12,1723161255342,true"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ours.csv", HEADER + OURS),
        ("ours.csv", "\ufeff" + HEADER + "\n" + OURS + "\n\n"),
        ("ours.csv", OURS),
        ("ours.csv", "side,symbol,price,quantity,timestamp_ms,trade_id\nSELL,BTC/USDT,61837.63,0.02,1723161255342,7"),
        ("BTCUSDT-trades-2024-08-08.csv", TRADES),
        ("BTCUSDT-trades-2024-08-08.csv", TRADES + ",True"),
        ("BTCUSDT-trades-2024-08-08.csv", "id,price,qty,quote_qty,time,is_buyer_maker\n" + TRADES),
        ("BTCUSDT-trades-2025-08-08.csv", TRADES.replace("1723161255342", "1723161255342000")),
        ("BTCUSDT-aggTrades-2024-08-08.csv", AGGREGATES),
        ("BTCUSDT-aggTrades-2024-08-08.csv", AGGREGATES + ",True"),
        (
            "BTCUSDT-aggTrades-2024-08-08.csv",
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n" + AGGREGATES,
        ),
    ],
)
def test_every_known_layout_is_read(tmp_path: Path, name: str, text: str) -> None:
    assert list(rows(written(tmp_path / name, text))) == [ROW]


def test_a_file_without_trade_ids_has_none(tmp_path: Path) -> None:
    path = written(tmp_path / "ours.csv", HEADER.replace(",trade_id", "") + OURS.removesuffix(",7"))
    assert list(rows(path)) == [ROW._replace(trade_id="")]


def test_the_side_is_the_takers(tmp_path: Path) -> None:
    path = written(tmp_path / "ETHBTC-trades-2024.csv", TRADES.replace("True", "False"))
    (row,) = rows(path)
    assert (row.side, row.symbol) == ("buy", "ETH/BTC")


def test_packed_files_are_read_as_they_are(tmp_path: Path) -> None:
    packed, zipped = tmp_path / "ours.csv.gz", tmp_path / "BTCUSDT-trades-2024-08-08.zip"
    packed.write_bytes(gzip.compress((HEADER + OURS).encode()))
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("BTCUSDT-trades-2024-08-08.csv", TRADES)
    assert list(rows(packed)) == list(rows(zipped)) == [ROW]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1723161255342,BTC/USDT,-1,0.02,sell,7", "price '-1' is not a positive number"),
        ("1723161255342,BTC/USDT,NaN,0.02,sell,7", "price 'NaN' is not a positive number"),
        ("1723161255342,BTC/USDT,1,0,sell,7", "quantity '0' is not a positive number"),
        ("1723161255342,BTC/USDT,much,0.02,sell,7", "not a number in"),
        ("soon,BTC/USDT,1,0.02,sell,7", "invalid literal"),
        ("-5,BTC/USDT,1,0.02,sell,7", "is not after 1970"),
        ("1723161255342,BTCUSDT,1,0.02,sell,7", "is no symbol such as BTC/USDT"),
        ("1723161255342,BTC/USDT,1,0.02,hold,7", "neither buy nor sell"),
        ("1723161255342,BTC/USDT", "only 2 columns"),
    ],
)
def test_a_bad_row_is_named_with_its_line_or_left_out(tmp_path: Path, line: str, problem: str) -> None:
    path = written(tmp_path / "ours.csv", HEADER + OURS + "\n" + line + "\n" + OURS + "\n")
    heard: list[BadRow] = []
    assert list(rows(path, bad=heard.append)) == [ROW, ROW]
    assert (heard[0].file, heard[0].line) == ("ours.csv", 3)
    assert problem in str(heard[0])
    with pytest.raises(BadRecording, match=r"ours\.csv, line 3"):
        list(rows(path))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1723161255341,BTC/USDT,1,1,buy,8", "its time is 0.001 s before that of a row of BTC/USDT above it"),
        ("1723161250000,ETH/USDT,1,1,buy,8", "its time is 5.342 s before that of a row of BTC/USDT above it"),
    ],
)
def test_a_row_that_goes_back_in_time_is_named_as_a_bad_one_or_left_out(
    tmp_path: Path, line: str, problem: str
) -> None:
    path = written(tmp_path / "ours.csv", HEADER + OURS + "\n" + line + "\n" + OURS + "\n")
    heard: list[BadRow] = []

    assert list(rows(path, bad=heard.append)) == [ROW, ROW]
    assert [str(row) for row in heard] == [f"ours.csv, line 3: {problem}; sort the file by time"]
    with pytest.raises(BadRecording, match=r"ours\.csv, line 3: its time is .* sort the file by time"):
        summary(path)


def test_symbols_that_were_recorded_side_by_side_may_be_out_of_order_by_as_little_as_no_bar_notices(
    tmp_path: Path,
) -> None:
    other = OURS.replace("BTC", "ETH").replace("342,", "250,")
    path = written(tmp_path / "ours.csv", f"{HEADER}{OURS}\n{other}\n{OURS}\n{other}\n")

    assert [row.symbol for row in rows(path)] == ["BTC/USDT", "ETH/USDT"] * 2


def test_within_a_millisecond_nobody_asks_for_the_order(tmp_path: Path) -> None:
    later, earlier = TRADES.replace("342", "342900"), TRADES.replace("342", "342100")
    path = written(tmp_path / "BTCUSDT-trades-2025-08-08.csv", f"{later}\n{earlier}\n")

    assert [row.time_us % 1000 for row in rows(path)] == [900, 100]


def test_an_archives_row_needs_its_truth(tmp_path: Path) -> None:
    path = written(tmp_path / "BTCUSDT-trades.csv", TRADES + "\n" + TRADES.replace("True", "maybe"))
    with pytest.raises(BadRecording, match="isBuyerMaker"):
        list(rows(path))


def test_what_cannot_be_played_says_why_and_what_to_do(tmp_path: Path) -> None:
    two = tmp_path / "two.zip"
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a.csv", TRADES)
        archive.writestr("b.csv", TRADES)
    broken = tmp_path / "ours.csv.gz"
    broken.write_bytes(gzip.compress((HEADER + OURS).encode())[:-6])
    cases = [
        (tmp_path / "missing.csv", "cannot be read"),
        (written(tmp_path / "odd.csv", "a,b,c\n1,2,3"), "unknown columns 'a,b,c'"),
        (written(tmp_path / "numbers.csv", "1,2,3"), "unknown columns"),
        (written(tmp_path / "header.csv", "time,b,c\n1,2,3"), "unknown columns"),
        (written(tmp_path / "nameless.csv", TRADES), "does not tell the symbol"),
        (written(tmp_path / "XYZ-trades.csv", TRADES), "does not tell the symbol"),
        (written(tmp_path / "empty.csv", ""), "holds no trade"),
        (written(tmp_path / "no.zip", "no zip"), "damaged"),
        (two, "holds 2 .csv files"),
        (broken, "damaged"),
    ]
    for path, problem in cases:
        with pytest.raises(BadRecording, match=problem) as refused:
            summary(path)
        assert refused.value.row.cure in str(refused.value)


def test_the_symbol_can_be_told_for_a_file_whose_name_does_not(tmp_path: Path) -> None:
    path = written(tmp_path / "nameless.csv", TRADES)
    assert list(rows(path, symbol="BTC/USDT")) == [ROW]


def test_a_summary_knows_how_much_of_what_a_file_holds(tmp_path: Path) -> None:
    path = written(
        tmp_path / "ours.csv", HEADER + OURS + "\n" + OURS.replace("61837.63", "1.5").replace("342,", "400,")
    )
    found = summary(path)
    assert (found.rows, found.first_us, found.last_us) == (2, 1723161255342000, 1723161255400000)
    traded = found.symbols["BTC/USDT"]
    assert (traded.rows, traded.last_us, traded.first_price) == (2, 1723161255400000, Decimal("61837.63"))
    assert (traded.price_decimals, traded.quantity_decimals) == (2, 2)


def test_names_and_decimals() -> None:
    assert symbol_of(Path("1INCHUSDT-aggTrades-2024-01.zip")) == "1INCH/USDT"
    assert symbol_of(Path("trades.csv")) is None
    assert [decimals(Decimal(text)) for text in ("100", "1.50", "1E+3", "NaN")] == [0, 1, 0, 0]
