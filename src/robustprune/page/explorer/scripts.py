"""The scripts that draw the chart: Vega, Vega-Lite and Vega-Embed (BSD 3-clause), from the package vl-convert."""

import altair
import vl_convert
from markupsafe import Markup


def vega() -> Markup:
    """Return one script that defines the global function vegaEmbed, of the Vega-Lite version that Altair writes for."""
    version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return Markup(bundle.replace("</script", "<\\/script"))
