"""The models that ship, each with a card; hub/shipped.py knows them."""
