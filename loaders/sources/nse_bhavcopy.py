"""How NSE lays out its F&O bhavcopy."""

from loaders.layouts import Column, Layout, RawTable
from loaders.source import Source
from loaders.sources._nse_udiff import udiff_layout, udiff_table

# The layout until 5 July 2024. Files named `_revised` have it without the comma behind the last name.
_LEGACY_NAMES = (
    "INSTRUMENT",
    "SYMBOL",
    "EXPIRY_DT",
    "STRIKE_PR",
    "OPTION_TYP",
    "OPEN",
    "HIGH",
    "LOW",
    "CLOSE",
    "SETTLE_PR",
    "CONTRACTS",
    "VAL_INLAKH",
    "OPEN_INT",
    "CHG_IN_OI",
    "TIMESTAMP",
)

_LAYOUTS = (
    udiff_layout(
        udiff_table("nse_fo_bhavcopy_udiff"),
        "FO",
        example="2025-08-01,2025-08-01,FO,NSE,IDO,39831,,NIFTY,,2025-08-07,2025-08-07,24500.00,CE,NIFTY2580724500CE,"
        "301.00,345.00,176.00,190.80,181.40,364.20,24565.35,190.80,1817700,1230000,334341,620519042940.00,"
        "207283,F1,75,,,,,",
    ),
    Layout(
        "legacy",
        RawTable("nse_fo_bhavcopy_legacy", tuple(name.lower() for name in _LEGACY_NAMES)),
        tuple(Column(name.lower(), (name,)) for name in _LEGACY_NAMES),
        example="OPTIDX,NIFTY,25-Jan-2023,15000,CE,3076.85,3076.85,2845.65,2890.75,17891.95,2938,26337.71,200450,"
        "-76450,25-JAN-2023,",
        date="timestamp",
    ),
)

SOURCE = Source(
    name="nse-bhavcopy",
    dataset="fo_bhavcopy",
    layouts=_LAYOUTS,
    description="The exchange's daily F&O bhavcopy, UDiFF and the layout before July 2024.",
)
