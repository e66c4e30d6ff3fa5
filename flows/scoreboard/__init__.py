"""The scoreboard: every detector on simulation, on real counts and on NAB, in one table, from one command."""
