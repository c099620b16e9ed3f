"""Generative Teaching Networks: the package that the lab imports and students install.

Takes digits and gives teachers, recorded curricula and an explorer with sliders. The ideas are
one file each, here: `digits`, `teacher`, `learner`, `rates`, the `inner_loop` (with
`checkpointing`), `gradient_check`, and the `curriculum` that a teacher makes. `evaluation` judges
a curriculum, `training` is the outer loop, `explorer` shows both, `cli` is the command. Imports
neither `autograder`, `authoring` nor `experiments`: the staff's commands join through entry points.
"""
