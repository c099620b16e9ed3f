"""Submissions to grades: a sandbox, trusted tests, a diagnosis, one gradebook.

The rooms, in the order in which a submission passes through them:

- in:       `submissions` reads it, `instructor` and `course` say what it should look like,
            `restore` puts it back into that structure
- sandbox:  `sandbox` starts a `life` through `bubblewrap` (with `fonts`); inside run `zygote`,
            `confine`, `syscalls`, `memory`, `student` and `shell`; `wire` (`wire_format`,
            `encoding`, `decoding`) and `channel` carry data between
- tests:    `runner` goes through the cells: the student's in a `session` of the sandbox, the
            instructor's in a `namespace` here, where `proxies` stand for the student's functions;
            `presentation` makes outputs safe to show
- mistake:  an `examination` is made once for a class; `diagnosis` runs `probes` and compares
            `evidence` with the `bank` (`workshop`, `matching`), then by `structure`, `precision`,
            `circumstances` and `side_effects`; `wording` and `heatmap` say it
- out:      `marks` and `results` record it, `gradebook` and `autograded` write it
- many:     `batch` hands out `jobs` to `pools`, whose `worker` does them; `progress`
- people:   `cli` (`startup`, `options`), `report`, `class_page`, `feedback`; `trusted` is
            nbgrader's way in
"""
