"""Tables of networks with sections: the depth that is kept, and units and layers together (docs/layers.md)."""
