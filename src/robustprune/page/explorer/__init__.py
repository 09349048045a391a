"""The trade-off explorer: a Vega-Lite chart of all strengths and networks, made with Altair."""
