"""placeholder"""
GUARD=None
def search(claim, effort): return None
