"""The porting assistant: what a program written for medusa or ZServer needs to run here.

Reading ← conversion ← findings and uses ← examining ← reports; rewriting stands beside them and is
the only part that changes a file.  Programs are read and never run.
"""
