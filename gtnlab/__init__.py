"""Generative Teaching Networks: the package that the lab imports and students install.

The rooms:

- the game:  `digits`, `teacher`, `learner`, `rates` and the `inner_loop` (`checkpointing`,
             checked by `gradient_check`)
- training:  `outer_loss`, `outer_loop`, `meta_training`, `experiments`; `run`, `checkpoint`,
             `snapshots`, `recording` and `provenance` keep what came of it
- judging:   `curriculum`, `evaluation`, `baselines`, `architecture_search`, `report`, `picture`
- seeing:    `viewer` of `panel`s, each with a `stage` in the browser (`curve.js`), from `playback`
             and `frames`; `live`; without a kernel `static_page`, and `export`
- showing:   `recordings` are found, `publishing` makes them, `verify` checks them; `results` of
             them, drawn by `charts` and `charts_cost` (`chart_style`) beside `published` ones, put
             into words by `findings` and `results_tables` with what `tuning` tried and the
             `memory_use`, are the `results_page`
- many:      `sweep`, `tracking`
- people:    `cli`, `cli_many`, `cli_record`, `cli_export`, `cli_options`, `console`
"""
