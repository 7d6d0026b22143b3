"""Tables of results: what rows say together, computed once for the command line and for the leaderboard.

`game` says which runs may be compared. `runs`, `cells` and `ranks` go from one row for each run to one for each
defense. `ladders` and `flags` read the cells, and `summary` the runs of one cell. `artefacts`, `answers`, `records` and
`release` show a single run. `standings` keeps what was computed of a game; `comparisons`, `fronts`, `threats`,
`method_tables` and `methods` say more about its defenses. `paper` has the numbers that MMGuard's paper prints.
"""
