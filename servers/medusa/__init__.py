"""The names of medusa 0.5.4 and of supervisor's copy, over the engine of this project.

One file for each old module, with re-exports and thin subclasses and nothing else.  Nobody inside
this project imports them.  `servers.legacy` makes them importable as `medusa` and
`supervisor.medusa`.
"""
