"""What a table of the related systems says where nothing was measured for it."""

NONE = "Nothing was measured for this table (related: true in the configuration, e.g. config/related.yaml)."
