"""A predictor in the joints of another set, matched by name."""

from fpd_tf.contract.rules import rules_for
from fpd_tf.joint_maps import joint_map
from fpd_tf.joints import JointSet
from fpd_tf.predictors.predictor import Prediction, Predictor


def mapped(predictor: Predictor, joint_set: JointSet) -> Predictor:
    """A predictor of the joints of `joint_set`; those that it lacks score 0.

    Args:
        predictor: of any kind; its heatmaps are not passed on.
        joint_set: wanted.

    Raises:
        InputError: it has none of the joints.

    Example:
        >>> import fpd_tf as fpd
        >>> from fpd_tf.models.keras_file import named_network
        >>> from fpd_tf.predictors.load import load_predictor
        >>> from fpd_tf.predictors.mapped import mapped
        >>> network = fpd.build_model("tiny", input_size=64)
        >>> predictor = load_predictor(named_network(network, fpd.MPII))
        >>> mapped(predictor, fpd.LSP).joint_set.name
        'lsp'
    """
    to_wanted = joint_map(predictor.joint_set, joint_set)

    def run(images):
        found = predictor(images)
        scores = to_wanted.weights(found.scores)
        return Prediction(to_wanted.joints(found.joints), scores)

    about = predictor.name, predictor.input_size, joint_set, rules_for(joint_set)
    return Predictor(*about, run)
